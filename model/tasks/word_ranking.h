// SPDX-License-Identifier: Apache-2.0
//
// From the logits of a range of ranks to the most probable words. Spellings of
// a word that differ in case only ("the", "The") are one word here.

#ifndef CAROUSEL_MODEL_TASKS_WORD_RANKING_H_
#define CAROUSEL_MODEL_TASKS_WORD_RANKING_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
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
  std::vector<RankedWord> words;
};

// The `count` most probable words whose most probable spelling, or any other,
// is accepted. `logits`: one for each rank of `range`. Probabilities are those
// of the softmax over the range, words that are not accepted included.
//
// Exact for words with up to four spellings; one with more may be missed if it
// is among the best only by the sum of many improbable ones.
// REQUIRES: count >= 1; logits.size() == range.size(); the range cuts no folded
// form in two.
WordRanking RankWords(const Vocabulary& vocabulary, RankRange range,
                      absl::Span<const float> logits, int count,
                      absl::FunctionRef<bool(int32_t id)> accept);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_WORD_RANKING_H_
