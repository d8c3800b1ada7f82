// SPDX-License-Identifier: Apache-2.0

#include "server/engine/next_words.h"

#include <algorithm>
#include <utility>

#include "model/base/status_macros.h"

namespace carousel {
namespace {

using Scorers = std::vector<WordScorer>;  // one a row

// Tiles of a part: enough for a product to be worth its call, and few enough
// for a thread that comes late to find some left.
constexpr int kTilesOfPart = 8;

Scorers MakeScorers(const Vocabulary& vocabulary,
                    absl::Span<const NextWordsQuestion> questions) {
  Scorers scorers;
  scorers.reserve(questions.size());
  for (const NextWordsQuestion& question : questions) {
    scorers.emplace_back(vocabulary, question.words, question.wanted);
  }
  return scorers;
}

// Rows that nobody asks for have no scorer.
void AddTile(const LogitTile& tile, const Vocabulary& vocabulary,
             Scorers* scorers) {
  const auto row = static_cast<size_t>(tile.row);
  if (row >= scorers->size()) return;
  (*scorers)[row].Add(tile.begin, tile.logits, [&](int rank) {
    return vocabulary.may_be_offered(vocabulary.id_at(rank));
  });
}

}  // namespace

absl::StatusOr<std::vector<WordScores>> ScoreNextWords(
    const LanguageModel& network, const Vocabulary& vocabulary,
    absl::Span<const float> top, int rows,
    absl::Span<const NextWordsQuestion> questions, Parts* parts) {
  ASSIGN_OR_RETURN(const absl::Span<const float> features,
                   network.Features(top, rows, &parts->scratch()->workspace));
  const int tiles = network.tiles();
  const int count = (tiles + kTilesOfPart - 1) / kTilesOfPart;
  std::vector<Scorers> by_thread(static_cast<size_t>(parts->most_threads()),
                                 MakeScorers(vocabulary, questions));
  RETURN_IF_ERROR(
      parts->Run(count, [&](int part, int thread, PartScratch* scratch) {
        Scorers& its = by_thread[static_cast<size_t>(thread)];
        return network.VisitLogits(
            features, rows, tiles * part / count, tiles * (part + 1) / count,
            [&](const LogitTile& tile) { AddTile(tile, vocabulary, &its); },
            &scratch->workspace);
      }));
  std::vector<WordScores> result;
  for (size_t n = 0; n < questions.size(); ++n) {
    WordScorer& all = by_thread.front()[n];
    for (size_t thread = 1; thread < by_thread.size(); ++thread) {
      all.Merge(std::move(by_thread[thread][n]));
    }
    result.push_back(all.Take());
  }
  return result;
}

}  // namespace carousel
