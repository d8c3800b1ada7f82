// SPDX-License-Identifier: Apache-2.0

#include "model/decode/beam_search.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/decode/logits.h"

namespace carousel {
namespace {

// Attention below this counts as this: the logarithm of a position that was
// never looked at must not outweigh everything.
constexpr double kLeastCoverage = 1e-6;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

absl::Status CheckWithin(absl::string_view name, int64_t value, int64_t low,
                         int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": expected ", low, " to ", high, ", found ", value));
}

absl::Status CheckPenalty(absl::string_view name, double value) {
  constexpr double kMost = 10;
  if (value >= 0 && value <= kMost) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": expected 0 to ", kMost, ", found ", value));
}

std::vector<bool> FlagsOf(absl::Span<const int32_t> tokens, int vocabulary) {
  std::vector<bool> flags(static_cast<size_t>(vocabulary));
  for (const int32_t token : tokens) flags[static_cast<size_t>(token)] = true;
  return flags;
}

// lp(Y) for a sequence of `length` tokens, its end counted.
double LengthPenalty(size_t length, double alpha) {
  return std::pow((5.0 + static_cast<double>(length)) / 6.0, alpha);
}

double CoveragePenalty(absl::Span<const float> coverage, double beta) {
  double sum = 0;
  for (const float paid : coverage) {
    if (paid < 0) continue;  // pad
    sum += std::log(std::clamp(static_cast<double>(paid), kLeastCoverage, 1.0));
  }
  return beta * sum;
}

bool IsBetter(const Hypothesis& a, const Hypothesis& b) {
  if (a.ended != b.ended) return a.ended;
  return a.score > b.score;
}

}  // namespace

absl::Status CheckBeamOptions(const BeamOptions& options) {
  constexpr int kMostTokens = std::numeric_limits<int32_t>::max();
  RETURN_IF_ERROR(
      CheckWithin("vocabulary", options.vocabulary, 2, kMostTokens));
  RETURN_IF_ERROR(
      CheckWithin("beam_size", options.beam_size, 1, BeamOptions::kMostBeams));
  RETURN_IF_ERROR(CheckWithin("n_best", options.n_best, 1, options.beam_size));
  RETURN_IF_ERROR(
      CheckWithin("max_length", options.max_length, 1, BeamOptions::kLongest));
  const int last = options.vocabulary - 1;
  RETURN_IF_ERROR(CheckWithin("start", options.start, 0, last));
  RETURN_IF_ERROR(CheckWithin("end", options.end, 0, last));
  for (const int32_t token : options.never) {
    RETURN_IF_ERROR(CheckWithin("never", token, 0, last));
    if (token == options.end) {
      return absl::InvalidArgumentError("never: holds the end of a sequence");
    }
  }
  RETURN_IF_ERROR(CheckPenalty("length_penalty", options.length_penalty));
  return CheckPenalty("coverage_penalty", options.coverage_penalty);
}

BeamSearch::BeamSearch(BeamOptions options)
    : options_(std::move(options)),
      never_(FlagsOf(options_.never, options_.vocabulary)),
      live_(1),
      parents_({0}),
      tokens_({options_.start}) {}

absl::Status BeamSearch::Answer(absl::Span<const float> logits,
                                absl::Span<const float> attention) {
  const size_t rows = live_.size();
  CAROUSEL_CHECK(!done_);
  CAROUSEL_CHECK(logits.size() ==
                 rows * static_cast<size_t>(options_.vocabulary));
  CAROUSEL_CHECK(attention.size() % rows == 0);
  ASSIGN_OR_RETURN(const std::vector<Candidate> candidates,
                   PickCandidates(logits));
  if (options_.coverage_penalty > 0) AddCoverage(attention);
  const bool is_full =
      live_.front().tokens.size() >= static_cast<size_t>(options_.max_length);
  if (is_full) {
    EndOrCutOff(candidates);
  } else {
    Extend(candidates);
  }
  return absl::OkStatus();
}

// The best 2 * beam_size candidates, the best first: each row has one end at
// most, so at least beam_size of them go on.
absl::StatusOr<std::vector<BeamSearch::Candidate>> BeamSearch::PickCandidates(
    absl::Span<const float> logits) const {
  const size_t width = static_cast<size_t>(options_.vocabulary);
  std::vector<Candidate> best;
  for (size_t row = 0; row < live_.size(); ++row) {
    RETURN_IF_ERROR(AddBestOfRow(static_cast<int>(row),
                                 logits.subspan(row * width, width), &best));
  }
  if (best.empty()) {
    return absl::InternalError("beam search: no token is possible");
  }
  return best;
}

// `best` stays sorted; equal candidates stay in the order of row and token.
absl::Status BeamSearch::AddBestOfRow(int row, absl::Span<const float> logits,
                                      std::vector<Candidate>* best) const {
  const size_t wanted = 2 * static_cast<size_t>(options_.beam_size);
  const double normaliser = LogSumExp(logits);
  const double before = live_[static_cast<size_t>(row)].log_probability;
  if (std::isnan(normaliser)) {
    return absl::InternalError("beam search: a logit is not a number");
  }
  // Few of a row's logits are large enough to be looked at.
  float least = -kInfinity;
  for (size_t token = FindAtLeast(logits, 0, least); token < logits.size();
       token = FindAtLeast(logits, token + 1, least)) {
    const double value = before + (logits[token] - normaliser);
    if (best->size() == wanted) {
      const double last = best->back().log_probability;
      // A little less, as it is rounded.
      least = std::nextafter(static_cast<float>(last - before + normaliser),
                             -kInfinity);
      if (value <= last) continue;
    }
    if (!std::isfinite(value) || never_[token]) continue;
    const auto place = std::upper_bound(
        best->begin(), best->end(), value,
        [](double a, const Candidate& b) { return a > b.log_probability; });
    best->insert(place, {value, row, static_cast<int32_t>(token)});
    if (best->size() > wanted) best->pop_back();
  }
  return absl::OkStatus();
}

void BeamSearch::AddCoverage(absl::Span<const float> attention) {
  const size_t width = attention.size() / live_.size();
  for (size_t row = 0; row < live_.size(); ++row) {
    std::vector<float>& coverage = live_[row].coverage;
    coverage.resize(width);
    for (size_t i = 0; i < width; ++i)
      coverage[i] += attention[row * width + i];
  }
}

// Ends the candidates that end, among the best beam_size; the best of the
// others are the next rows.
void BeamSearch::Extend(absl::Span<const Candidate> candidates) {
  const size_t beam = static_cast<size_t>(options_.beam_size);
  std::vector<Live> next;
  parents_.clear();
  tokens_.clear();
  for (size_t i = 0; i < candidates.size() && next.size() < beam; ++i) {
    const auto& [log_probability, row, token] = candidates[i];
    const Live& live = live_[static_cast<size_t>(row)];
    if (token == options_.end) {
      if (i < beam) ended_.push_back(Score(live, log_probability, true));
      continue;
    }
    next.push_back(live);
    next.back().tokens.push_back(token);
    next.back().rows.push_back(row);
    next.back().log_probability = log_probability;
    parents_.push_back(row);
    tokens_.push_back(token);
  }
  live_ = std::move(next);
  done_ = live_.empty() || ended_.size() >= beam;
}

// The last step: ends what Extend would end; the other rows stay as they are.
void BeamSearch::EndOrCutOff(absl::Span<const Candidate> candidates) {
  const size_t beam = static_cast<size_t>(options_.beam_size);
  std::vector<bool> ends(live_.size());
  for (size_t i = 0; i < std::min(beam, candidates.size()); ++i) {
    const auto& [log_probability, row, token] = candidates[i];
    if (token != options_.end) continue;
    const auto place = static_cast<size_t>(row);
    ended_.push_back(Score(live_[place], log_probability, true));
    ends[place] = true;
  }
  std::vector<Live> cut_off;
  for (size_t row = 0; row < live_.size(); ++row) {
    if (!ends[row]) cut_off.push_back(std::move(live_[row]));
  }
  live_ = std::move(cut_off);
  done_ = true;
}

Hypothesis BeamSearch::Score(const Live& live, double log_probability,
                             bool ended) const {
  const size_t length = live.tokens.size() + (ended ? 1 : 0);
  const double score =
      log_probability / LengthPenalty(length, options_.length_penalty) +
      CoveragePenalty(live.coverage, options_.coverage_penalty);
  return {live.tokens, log_probability, score, ended, live.rows};
}

std::vector<Hypothesis> BeamSearch::Best() const {
  std::vector<Hypothesis> best = ended_;
  for (const Live& live : live_) {
    best.push_back(Score(live, live.log_probability, /*ended=*/false));
  }
  std::stable_sort(best.begin(), best.end(), IsBetter);
  best.resize(std::min(best.size(), static_cast<size_t>(options_.n_best)));
  return best;
}

// Of those that have ended only the best may be the best in the end.
Hypothesis BeamSearch::Certain() const {
  Hypothesis certain = Best().front();
  certain.score = certain.log_probability = 0;
  if (done_) return certain;
  size_t length = certain.tokens.size();
  for (const Live& live : live_) {
    length = std::min(length, live.tokens.size());
    const auto differs =
        std::mismatch(live.tokens.begin(),
                      live.tokens.begin() + static_cast<ptrdiff_t>(length),
                      certain.tokens.begin());
    length = static_cast<size_t>(differs.first - live.tokens.begin());
  }
  certain.ended = false;
  certain.tokens.resize(length);
  certain.rows.resize(length);
  return certain;
}

}  // namespace carousel
