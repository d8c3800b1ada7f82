// SPDX-License-Identifier: Apache-2.0
//
// From the scores of a range of ranks to the most probable words. Spellings of
// a word that differ in case only ("the", "The") are one word here.

#ifndef CAROUSEL_MODEL_TASKS_WORD_RANKING_H_
#define CAROUSEL_MODEL_TASKS_WORD_RANKING_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "model/tasks/word_scores.h"
#include "model/text/vocabulary.h"

namespace carousel {

struct RankedWord {
  int32_t id = 0;          // its most probable spelling
  int rank = 0;            // the first of its spellings in prefix order
  double probability = 0;  // of all its spellings together
};

struct WordRanking {
  // The sum of e^logit over the whole range, as a logarithm.
  double log_normaliser = 0;

  // Most probable first; equal ones in prefix order.
  std::vector<RankedWord> words = {};
};

// The `count` most probable words whose most probable spelling, or any other,
// is accepted. Probabilities are those of the softmax over all that was scored,
// words that are not accepted included.
// REQUIRES: 1 <= count <= scores.words; what is accepted was accepted when the
// scores were gathered.
WordRanking RankWords(const Vocabulary& vocabulary, const WordScores& scores,
                      int count, absl::FunctionRef<bool(int32_t id)> accept);

// The same from `logits`, one for each rank of `range`. REQUIRES: as
// WordScorer::Add.
WordRanking RankWords(const Vocabulary& vocabulary, RankRange range,
                      absl::Span<const float> logits, int count,
                      absl::FunctionRef<bool(int32_t id)> accept);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_WORD_RANKING_H_
