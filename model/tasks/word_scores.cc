// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/word_scores.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "model/base/check.h"
#include "model/decode/logits.h"

namespace carousel {
namespace {

using Score = WordScores::Score;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool IsOfLowerRank(const Score& a, const Score& b) { return a.rank < b.rank; }

}  // namespace

bool WordScores::Cover(int count, absl::Span<const int> ranks) const {
  if (words < count) return false;
  auto score = wanted.begin();
  for (int rank : ranks) {
    while (score != wanted.end() && score->rank < rank) ++score;
    if (score == wanted.end() || score->rank != rank) return false;
  }
  return true;
}

WordScorer::WordScorer(const Vocabulary& vocabulary, int words,
                       absl::Span<const int> wanted)
    : vocabulary_(&vocabulary),
      words_(words),
      wanted_(wanted),
      slack_(std::log(static_cast<float>(vocabulary.most_alike()))) {
  CAROUSEL_CHECK(words >= 1);
}

void WordScorer::Add(int begin, absl::Span<const float> logits,
                     absl::FunctionRef<bool(int rank)> accept) {
  if (logits.empty()) return;
  const MaxAndSum piece = MaxAndSumExp(logits);
  if (piece.sum != 0) pieces_.push_back({begin, piece.base, piece.sum});
  KeepWanted(begin, logits);
  if (piece.max + slack_ < threshold_) return;
  for (size_t i = 0;
       (i = FindAtLeast(logits, i, threshold_ - slack_)) < logits.size();) {
    const RankRange alike =
        vocabulary_->SameFolded(begin + static_cast<int>(i));
    Keep(alike, begin, logits, accept);
    i = static_cast<size_t>(alike.end - begin);
  }
}

void WordScorer::KeepWanted(int begin, absl::Span<const float> logits) {
  const int end = begin + static_cast<int>(logits.size());
  for (auto rank = std::lower_bound(wanted_.begin(), wanted_.end(), begin);
       rank != wanted_.end() && *rank < end; ++rank) {
    wanted_scores_.push_back(
        {*rank, logits[static_cast<size_t>(*rank - begin)]});
  }
}

// If it is near the top.
void WordScorer::Keep(RankRange alike, int begin,
                      absl::Span<const float> logits,
                      absl::FunctionRef<bool(int rank)> accept) {
  alike.begin = std::max(alike.begin, begin);
  alike.end = std::min(alike.end, begin + static_cast<int>(logits.size()));
  Group group = {.least = -kInfinity,
                 .most = -kInfinity,
                 .score = scores_.size(),
                 .size = alike.size()};
  for (int rank = alike.begin; rank < alike.end; ++rank) {
    const float logit = logits[static_cast<size_t>(rank - begin)];
    group.most = std::max(group.most, logit);
    if (logit > group.least && accept(rank)) group.least = logit;
  }
  if (group.size > 1) group.most += std::log(static_cast<float>(group.size));
  if (group.least == -kInfinity || group.most < threshold_) return;
  groups_.push_back(group);
  for (int rank = alike.begin; rank < alike.end; ++rank) {
    scores_.push_back({rank, logits[static_cast<size_t>(rank - begin)]});
  }
  best_.push_back(group.least);
  std::push_heap(best_.begin(), best_.end(), std::greater<>());
  const auto words = static_cast<size_t>(words_);
  if (best_.size() > words) {
    std::pop_heap(best_.begin(), best_.end(), std::greater<>());
    best_.pop_back();
  }
  if (best_.size() == words) threshold_ = best_.front();
}

void WordScorer::Merge(WordScorer&& other) {
  const size_t before = scores_.size();
  for (Group group : other.groups_) {
    group.score += before;
    groups_.push_back(group);
  }
  scores_.insert(scores_.end(), other.scores_.begin(), other.scores_.end());
  pieces_.insert(pieces_.end(), other.pieces_.begin(), other.pieces_.end());
  wanted_scores_.insert(wanted_scores_.end(), other.wanted_scores_.begin(),
                        other.wanted_scores_.end());
}

double WordScorer::LogNormaliser() {
  std::sort(pieces_.begin(), pieces_.end(),
            [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
  float base = -kInfinity;
  for (const Piece& piece : pieces_) base = std::max(base, piece.base);
  double sum = 0;
  for (const Piece& piece : pieces_) {
    sum += static_cast<double>(piece.sum) *
           std::exp(static_cast<double>(piece.base) - base);
  }
  return pieces_.empty() ? -kInfinity : base + std::log(sum);
}

float WordScorer::Threshold() const {
  const auto words = static_cast<size_t>(words_);
  if (groups_.size() < words) return -kInfinity;
  std::vector<float> least;
  for (const Group& group : groups_) least.push_back(group.least);
  const auto last = least.begin() + static_cast<ptrdiff_t>(words) - 1;
  std::nth_element(least.begin(), last, least.end(), std::greater<>());
  return *last;
}

WordScores WordScorer::Take() {
  WordScores result = {.log_normaliser = LogNormaliser(),
                       .words = words_,
                       .wanted = std::move(wanted_scores_)};
  std::sort(result.wanted.begin(), result.wanted.end(), IsOfLowerRank);
  const float threshold = Threshold();
  for (const Group& group : groups_) {
    if (group.most < threshold) continue;
    const auto first = scores_.begin() + static_cast<ptrdiff_t>(group.score);
    result.scores.insert(result.scores.end(), first, first + group.size);
  }
  std::sort(result.scores.begin(), result.scores.end(), IsOfLowerRank);
  return result;
}

}  // namespace carousel
