// SPDX-License-Identifier: Apache-2.0
//
// The next words after several texts: the output layer over the whole
// vocabulary, tile by tile.

#ifndef CAROUSEL_SERVER_ENGINE_NEXT_WORDS_H_
#define CAROUSEL_SERVER_ENGINE_NEXT_WORDS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/language_model.h"
#include "model/tasks/word_scores.h"
#include "server/engine/parts.h"

namespace carousel {

// What is asked of one vector, as of a WordScorer.
struct NextWordsQuestion {
  int words = 1;
  absl::Span<const int> wanted = {};
};

// Scores of the words that may be offered for the vectors y `top` (rows, H), as
// questions[n] asks of the n-th; there may be more rows than questions, which
// nobody asks for. Each thread takes tiles, and no thread holds the logits of
// more than a few. INTERNAL if the network fails.
// REQUIRES: as LanguageModel::VisitLogits.
absl::StatusOr<std::vector<WordScores>> ScoreNextWords(
    const LanguageModel& network, const Vocabulary& vocabulary,
    absl::Span<const float> top, int rows,
    absl::Span<const NextWordsQuestion> questions, Parts* parts);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_NEXT_WORDS_H_
