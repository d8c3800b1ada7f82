// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/context_cache.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_split.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/tasks/half.h"
#include "model/tasks/typed_text.h"
#include "model/text/normalise.h"

namespace carousel {
namespace {

using Score = WordScores::Score;

// <eos> is a position too.
constexpr int kLongestPassage = static_cast<int>(kMostContextPositions) - 1;

absl::StatusOr<std::vector<ContextPassage>> CutLines(const Tokenizer& tokenizer,
                                                     absl::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  std::vector<ContextPassage> passages;  // the latest first
  size_t left = kMostContextPositions;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    ASSIGN_OR_RETURN(const std::vector<int32_t> tokens,
                     tokenizer.Encode(*line));
    if (tokens.empty()) continue;
    if (tokens.size() + 1 > left && !passages.empty()) break;
    passages.push_back(LatestTokens(tokens, kLongestPassage));
    left -= passages.back().size();
  }
  std::reverse(passages.begin(), passages.end());
  return passages;
}

// Every line, blank ones too, ends in <eos>; what stands behind the last
// newline is a line if there is something.
absl::StatusOr<std::vector<ContextPassage>> CutStream(
    const Tokenizer& tokenizer, absl::string_view text) {
  std::vector<int32_t> tokens;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    ASSIGN_OR_RETURN(const std::vector<int32_t> line,
                     tokenizer.Encode(text.substr(0, end)));
    tokens.insert(tokens.end(), line.begin(), line.end());
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!text.empty()) tokens.push_back(Vocabulary::kEndOfLine);
  }
  if (tokens.empty()) return std::vector<ContextPassage>();
  return std::vector<ContextPassage>{LatestTokens(tokens, kLongestPassage)};
}

void SortOut(std::vector<int>* ranks) {
  std::sort(ranks->begin(), ranks->end());
  ranks->erase(std::unique(ranks->begin(), ranks->end()), ranks->end());
}

// Both by rank, each rank once.
std::vector<Score> Merged(absl::Span<const Score> a,
                          absl::Span<const Score> b) {
  std::vector<Score> merged;
  merged.reserve(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(merged),
             [](const Score& x, const Score& y) { return x.rank < y.rank; });
  const auto same = [](const Score& x, const Score& y) {
    return x.rank == y.rank;
  };
  merged.erase(std::unique(merged.begin(), merged.end(), same), merged.end());
  return merged;
}

// Of layers whose outputs have no bound a product may have none, either.
double Finite(float product) {
  constexpr double kMost = std::numeric_limits<float>::max();
  return std::isnan(product) ? -kMost
                             : std::clamp<double>(product, -kMost, kMost);
}

}  // namespace

absl::StatusOr<std::vector<ContextPassage>> CutContext(
    const Tokenizer& tokenizer, LineContext lines, absl::string_view text) {
  RETURN_IF_ERROR(ValidateUtf8(text));  // of what is left out too
  return lines == LineContext::kLine ? CutLines(tokenizer, text)
                                     : CutStream(tokenizer, text);
}

void ContextStates::Append(absl::Span<const float> y) {
  CAROUSEL_CHECK(y.size() == width);
  for (float value : y) values.push_back(ToHalf(value));
}

ContextCache::ContextCache(const Vocabulary& vocabulary,
                           absl::Span<const ContextPassage> passages,
                           const ContextSetting& setting)
    : setting_(setting) {
  std::vector<int> next;  // by position
  for (const ContextPassage& passage : passages) {
    CAROUSEL_CHECK(!passage.empty());
    for (size_t i = 1; i < passage.size(); ++i) {
      next.push_back(vocabulary.rank_of(passage[i]));
    }
    next.push_back(vocabulary.rank_of(Vocabulary::kEndOfLine));
  }
  CAROUSEL_CHECK(!next.empty());
  words_ = next;
  SortOut(&words_);
  for (int rank : next) {
    const auto place = std::lower_bound(words_.begin(), words_.end(), rank);
    places_.push_back(static_cast<size_t>(place - words_.begin()));
  }
  for (int word : words_) {
    const RankRange alike = vocabulary.SameFolded(word);
    for (int rank = alike.begin; rank < alike.end; ++rank) {
      ranks_.push_back(rank);
    }
  }
  SortOut(&ranks_);
}

void ContextCache::Append(std::shared_ptr<const ContextStates> states) {
  appended_ += states->count();
  CAROUSEL_CHECK(appended_ <= places_.size());
  states_.push_back(std::move(states));
}

std::vector<double> ContextCache::Probabilities(
    absl::Span<const float> y) const {
  CAROUSEL_CHECK(appended_ == places_.size());
  std::vector<double> scores;  // theta y . y_i
  scores.reserve(places_.size());
  for (const auto& states : states_) {
    const absl::Span<const uint16_t> values = states->values;
    for (size_t i = 0; i < states->count(); ++i) {
      const auto y_i = values.subspan(i * states->width, states->width);
      scores.push_back(setting_.theta * Finite(DotHalf(y_i, y)));
    }
  }
  // Relative to the largest, so that nothing overflows.
  const double most = *std::max_element(scores.begin(), scores.end());
  std::vector<double> probabilities(words_.size());
  double sum = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    const double weight = std::exp(scores[i] - most);
    probabilities[places_[i]] += weight;
    sum += weight;
  }
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

float ContextCache::LogMixture(double log_network, double cached) const {
  const double lambda = static_cast<double>(setting_.lambda);
  if (cached == 0) return static_cast<float>(log_network + std::log1p(-lambda));
  return static_cast<float>(
      std::log((1 - lambda) * std::exp(log_network) + lambda * cached));
}

// The best words of p are among the network's best and those of the text: of
// any other word p is (1 - lambda) p_network, and the network's best have more.
WordScores ContextCache::Mix(const WordScores& scores,
                             absl::Span<const float> y) const {
  const std::vector<double> probabilities = Probabilities(y);
  WordScores mixed = {.words = scores.words,
                      .scores = Merged(scores.scores, scores.wanted)};
  size_t place = 0;
  for (Score& score : mixed.scores) {
    while (place < words_.size() && words_[place] < score.rank) ++place;
    const bool is_cached = place < words_.size() && words_[place] == score.rank;
    score.logit =
        LogMixture(static_cast<double>(score.logit) - scores.log_normaliser,
                   is_cached ? probabilities[place] : 0);
  }
  return mixed;
}

void ContextCache::Mix(RankRange range, double log_normaliser,
                       absl::Span<const float> y,
                       absl::Span<float> logits) const {
  CAROUSEL_CHECK(logits.size() == static_cast<size_t>(range.size()));
  if (range.empty()) return;
  const std::vector<double> probabilities = Probabilities(y);
  const auto first = static_cast<size_t>(
      std::lower_bound(words_.begin(), words_.end(), range.begin) -
      words_.begin());
  const std::vector<float> network(logits.begin(), logits.end());
  const auto shift =
      std::log1p(-static_cast<double>(setting_.lambda)) - log_normaliser;
  for (float& logit : logits) {
    logit = static_cast<float>(static_cast<double>(logit) + shift);
  }
  for (size_t i = first; i < words_.size() && words_[i] < range.end; ++i) {
    const auto at = static_cast<size_t>(words_[i] - range.begin);
    logits[at] = LogMixture(static_cast<double>(network[at]) - log_normaliser,
                            probabilities[i]);
  }
}

}  // namespace carousel
