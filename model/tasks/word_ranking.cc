// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/word_ranking.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "model/base/check.h"
#include "model/text/normalise.h"

namespace carousel {
namespace {

// Where a piece that begins at `begin` ends: after so many ranks, or behind a
// folded form that would be cut there.
int PieceEnd(const Vocabulary& vocabulary, int begin, int end) {
  constexpr int kRanks = 256;
  if (end - begin <= kRanks) return end;
  return std::min(end, vocabulary.SameFolded(begin + kRanks - 1).end);
}

class SpellingMerger {
 public:
  SpellingMerger(const Vocabulary& vocabulary, const WordScores& scores)
      : vocabulary_(vocabulary), scores_(scores) {}

  // The word that the token of the score is a spelling of.
  RankedWord WordAt(size_t index) const {
    const int rank = scores_.scores[index].rank;
    const int32_t its_id = vocabulary_.id_at(rank);
    RankedWord word = {its_id, rank, Probability(index)};
    const auto [begin, end] = SameFolded(index);
    if (end - begin == 1) return word;
    const std::string lower = ToLower(vocabulary_.token(its_id));
    double best = word.probability = 0;
    for (size_t i = end; i-- > begin;) {
      const int32_t id = vocabulary_.id_at(scores_.scores[i].rank);
      if (i != index && ToLower(vocabulary_.token(id)) != lower) continue;
      const double probability = Probability(i);
      word.probability += probability;
      word.rank = scores_.scores[i].rank;
      if (probability >= best) {
        best = probability;
        word.id = id;
      }
    }
    return word;
  }

 private:
  // Neighbours among the scores: [begin, end).
  std::pair<size_t, size_t> SameFolded(size_t index) const {
    const RankRange range = vocabulary_.SameFolded(scores_.scores[index].rank);
    size_t begin = index, end = index + 1;
    while (begin > 0 && scores_.scores[begin - 1].rank >= range.begin) --begin;
    while (end < scores_.scores.size() &&
           scores_.scores[end].rank < range.end) {
      ++end;
    }
    return {begin, end};
  }

  double Probability(size_t index) const {
    return std::exp(scores_.scores[index].logit - scores_.log_normaliser);
  }

  const Vocabulary& vocabulary_;
  const WordScores& scores_;
};

}  // namespace

WordRanking RankWords(const Vocabulary& vocabulary, const WordScores& scores,
                      int count, absl::FunctionRef<bool(int32_t id)> accept) {
  CAROUSEL_CHECK(1 <= count && count <= scores.words);
  WordRanking ranking = {.log_normaliser = scores.log_normaliser};
  const SpellingMerger merger(vocabulary, scores);
  std::vector<RankedWord>& words = ranking.words;
  for (size_t i = 0; i < scores.scores.size(); ++i) {
    if (!accept(vocabulary.id_at(scores.scores[i].rank))) continue;
    words.push_back(merger.WordAt(i));
  }
  std::sort(
      words.begin(), words.end(), [](const RankedWord& a, const RankedWord& b) {
        return a.probability != b.probability ? a.probability > b.probability
                                              : a.rank < b.rank;
      });
  const auto same = [](const RankedWord& a, const RankedWord& b) {
    return a.rank == b.rank;
  };
  words.erase(std::unique(words.begin(), words.end(), same), words.end());
  if (words.size() > static_cast<size_t>(count)) {
    words.resize(static_cast<size_t>(count));
  }
  return ranking;
}

WordRanking RankWords(const Vocabulary& vocabulary, RankRange range,
                      absl::Span<const float> logits, int count,
                      absl::FunctionRef<bool(int32_t id)> accept) {
  CAROUSEL_CHECK(logits.size() == static_cast<size_t>(range.size()));
  WordScorer scorer(vocabulary, count);
  // In pieces, for the sum of each is one of floats.
  for (int begin = range.begin; begin < range.end;) {
    const int end = PieceEnd(vocabulary, begin, range.end);
    scorer.Add(begin,
               logits.subspan(static_cast<size_t>(begin - range.begin),
                              static_cast<size_t>(end - begin)),
               [&](int rank) { return accept(vocabulary.id_at(rank)); });
    begin = end;
  }
  return RankWords(vocabulary, scorer.Take(), count, accept);
}

}  // namespace carousel
