// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/word_ranking.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "model/base/check.h"
#include "model/tasks/logits.h"
#include "model/text/normalise.h"

namespace carousel {
namespace {

// Spellings that a word of a vocabulary has: "it", "It", "IT", "iT".
constexpr int kSpellings = 4;

class SpellingMerger {
 public:
  SpellingMerger(const Vocabulary& vocabulary, RankRange range,
                 absl::Span<const float> logits, double log_normaliser)
      : vocabulary_(vocabulary),
        range_(range),
        logits_(logits),
        log_normaliser_(log_normaliser) {}

  // The word that the token at `rank` is a spelling of.
  RankedWord WordAt(int rank) const {
    const RankRange equal = EqualFolded(rank);
    RankedWord word = {vocabulary_.id_at(rank), rank, Probability(rank)};
    if (equal.size() == 1) return word;
    const std::string lower = ToLower(vocabulary_.token(word.id));
    double best = word.probability = 0;
    for (int r = equal.end - 1; r >= equal.begin; --r) {
      const int32_t id = vocabulary_.id_at(r);
      if (r != rank && ToLower(vocabulary_.token(id)) != lower) continue;
      const double probability = Probability(r);
      word.probability += probability;
      word.rank = r;
      if (probability >= best) {
        best = probability;
        word.id = id;
      }
    }
    return word;
  }

 private:
  RankRange EqualFolded(int rank) const {
    const std::string& folded = Folded(rank);
    RankRange equal = {rank, rank + 1};
    while (equal.begin > range_.begin && Folded(equal.begin - 1) == folded) {
      --equal.begin;
    }
    while (equal.end < range_.end && Folded(equal.end) == folded) ++equal.end;
    return equal;
  }

  const std::string& Folded(int rank) const {
    return vocabulary_.folded(vocabulary_.id_at(rank));
  }

  double Probability(int rank) const {
    return std::exp(logits_[rank - range_.begin] - log_normaliser_);
  }

  const Vocabulary& vocabulary_;
  const RankRange range_;
  const absl::Span<const float> logits_;
  const double log_normaliser_;
};

}  // namespace

WordRanking RankWords(const Vocabulary& vocabulary, RankRange range,
                      absl::Span<const float> logits, int count,
                      absl::FunctionRef<bool(int32_t id)> accept) {
  CAROUSEL_CHECK(logits.size() == static_cast<size_t>(range.size()));
  WordRanking ranking;
  ranking.log_normaliser = LogSumExp(logits);
  const SpellingMerger merger(vocabulary, range, logits,
                              ranking.log_normaliser);

  // kSpellings * count tokens hold `count` words at least, each as probable as
  // the last of these tokens. A word that beats it has a spelling with a
  // kSpellings-th of that.
  const std::vector<int> near = NearTop(
      logits, kSpellings * count, std::log(static_cast<float>(kSpellings)),
      [&](int index) { return accept(vocabulary.id_at(range.begin + index)); });
  std::vector<RankedWord>& words = ranking.words;
  for (int index : near) words.push_back(merger.WordAt(range.begin + index));

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

}  // namespace carousel
