// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/chrf.h"

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_join.h"
#include "model/base/status_macros.h"
#include "model/text/normalise.h"
#include "model/text/white_space.h"

namespace carousel {
namespace {

using NgramCounts = absl::flat_hash_map<absl::string_view, int64_t>;

// Where characters of UTF-8 begin, and the end of the text.
std::vector<size_t> CharacterBounds(absl::string_view text) {
  std::vector<size_t> bounds;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool goes_on = (static_cast<uint8_t>(text[i]) & 0xC0) == 0x80;
    if (!goes_on) bounds.push_back(i);
  }
  bounds.push_back(text.size());
  return bounds;
}

NgramCounts CountNgrams(absl::string_view text,
                        const std::vector<size_t>& bounds, size_t order) {
  NgramCounts counts;
  for (size_t i = 0; i + order < bounds.size(); ++i) {
    ++counts[text.substr(bounds[i], bounds[i + order] - bounds[i])];
  }
  return counts;
}

int64_t Sum(const NgramCounts& counts) {
  int64_t sum = 0;
  for (const auto& [ngram, count] : counts) sum += count;
  return sum;
}

int64_t CountMatches(const NgramCounts& found, const NgramCounts& wanted) {
  int64_t matches = 0;
  for (const auto& [ngram, count] : found) {
    const auto other = wanted.find(ngram);
    if (other != wanted.end()) matches += std::min(count, other->second);
  }
  return matches;
}

}  // namespace

std::string CorpusChrf::Prepare(absl::string_view text) const {
  return absl::StrJoin(
      SplitAtWhiteSpace(lowercase_ ? ToLower(text) : std::string(text)), "");
}

CorpusChrf::Statistics CorpusChrf::Compare(absl::string_view hypothesis,
                                           absl::string_view reference) {
  const std::vector<size_t> hypothesis_bounds = CharacterBounds(hypothesis);
  const std::vector<size_t> reference_bounds = CharacterBounds(reference);
  Statistics statistics{};
  for (size_t i = 0; i < kOrders; ++i) {
    const auto found = CountNgrams(hypothesis, hypothesis_bounds, i + 1);
    const auto wanted = CountNgrams(reference, reference_bounds, i + 1);
    // A reference too short to have an n-gram says nothing about this order.
    if (wanted.empty()) continue;
    statistics[i] = {Sum(found), Sum(wanted), CountMatches(found, wanted)};
  }
  return statistics;
}

//   F = (1 + beta^2) P R / (beta^2 P + R), P and R averaged over the orders
//   that
// both sides have n-grams of.
double CorpusChrf::ScoreOf(const Statistics& statistics) {
  constexpr double kBetaSquared = 4;
  double precision = 0;
  double recall = 0;
  int orders = 0;
  for (const Counts& counts : statistics) {
    if (counts.hypothesis == 0 || counts.reference == 0) continue;
    const double matches = static_cast<double>(counts.matches);
    precision += matches / static_cast<double>(counts.hypothesis);
    recall += matches / static_cast<double>(counts.reference);
    ++orders;
  }
  if (precision + recall == 0) return 0;
  precision /= orders;
  recall /= orders;
  return 100 * (1 + kBetaSquared) * precision * recall /
         (kBetaSquared * precision + recall);
}

absl::Status CorpusChrf::Add(absl::string_view hypothesis,
                             absl::Span<const std::string> references) {
  RETURN_IF_ERROR(ValidateUtf8(hypothesis));
  const std::string prepared = Prepare(hypothesis);
  double best_score = -1;
  Statistics best{};
  for (const std::string& reference : references) {
    if (reference.empty()) continue;
    RETURN_IF_ERROR(ValidateUtf8(reference));
    const Statistics statistics = Compare(prepared, Prepare(reference));
    const double score = ScoreOf(statistics);
    if (score <= best_score) continue;
    best_score = score;
    best = statistics;
  }
  if (best_score < 0) {
    return absl::InvalidArgumentError("expected a reference, found none");
  }
  for (size_t i = 0; i < kOrders; ++i) {
    sums_[i].hypothesis += best[i].hypothesis;
    sums_[i].reference += best[i].reference;
    sums_[i].matches += best[i].matches;
  }
  return absl::OkStatus();
}

double CorpusChrf::Score() const { return ScoreOf(sums_); }

}  // namespace carousel
