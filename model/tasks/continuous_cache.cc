// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/continuous_cache.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// log((1 - lambda) e^network + lambda * cached)
double LogMixture(double network, double cached, double lambda) {
  if (cached == 0 || lambda == 0) return network + std::log1p(-lambda);
  return std::log((1 - lambda) * std::exp(network) + lambda * cached);
}

}  // namespace

absl::Status PlainDotProducts(absl::Span<const float> a,
                              absl::Span<const float> b, int width,
                              absl::Span<float> out) {
  const size_t step = static_cast<size_t>(width);
  float* next = out.data();
  for (size_t i = 0; i < a.size(); i += step) {
    for (size_t j = 0; j < b.size(); j += step) {
      float sum = 0;
      for (size_t k = 0; k < step; ++k) sum += a[i + k] * b[j + k];
      *next++ = sum;
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCacheOptions(const CacheOptions& options) {
  if (options.size < 0 || options.size > CacheOptions::kMostSteps) {
    return absl::InvalidArgumentError(absl::StrCat("cache_size: expected 0 to ",
                                                   CacheOptions::kMostSteps,
                                                   ", found ", options.size));
  }
  for (const CacheSetting& setting : options.settings) {
    if (!(setting.theta >= 0) || std::isinf(setting.theta)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "cache_theta: expected at least 0, found ", setting.theta));
    }
    // At 1 a word that is not in the cache would be impossible.
    if (!(setting.lambda >= 0 && setting.lambda < 1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("cache_lambda: expected at least 0 and less than 1, "
                       "found ",
                       setting.lambda));
    }
  }
  return absl::OkStatus();
}

ContinuousCache::ContinuousCache(CacheOptions options, int width,
                                 DotProducts dot_products)
    : options_(std::move(options)),
      width_(width),
      dot_products_(dot_products ? std::move(dot_products) : PlainDotProducts) {
}

double ContinuousCache::Probability(absl::Span<const float> scores,
                                    absl::Span<const int32_t> tokens,
                                    int32_t target, float theta) {
  // Relative to the largest, so that nothing overflows.
  const float most = *std::max_element(scores.begin(), scores.end());
  double all = 0;
  double of_target = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    const double weight = std::exp(theta * (scores[i] - most));
    all += weight;
    if (tokens[i] == target) of_target += weight;
  }
  return of_target / all;
}

absl::Status ContinuousCache::AddLosses(
    absl::Span<const std::shared_ptr<const StreamSteps>> past,
    const StreamSteps& now, absl::Span<const double> log_probabilities,
    absl::Span<double> sums) const {
  CAROUSEL_CHECK(log_probabilities.size() == now.targets.size());
  CAROUSEL_CHECK(sums.size() == options_.settings.size());
  const size_t steps = now.targets.size();
  std::vector<int32_t> tokens;             // of past and now (P + T)
  std::vector<std::vector<float>> blocks;  // of dot products: (T, its steps)
  const auto add_block = [&](const StreamSteps& other) {
    tokens.insert(tokens.end(), other.targets.begin(), other.targets.end());
    blocks.emplace_back(steps * other.targets.size());
    return dot_products_(now.top, other.top, width_,
                         absl::MakeSpan(blocks.back()));
  };
  for (const auto& other : past) RETURN_IF_ERROR(add_block(*other));
  const size_t before = tokens.size();
  RETURN_IF_ERROR(add_block(now));

  std::vector<float> scores;  // of step t with all of past and now
  for (size_t t = 0; t < steps; ++t) {
    scores.clear();
    for (const std::vector<float>& block : blocks) {
      const size_t width = block.size() / steps;
      const auto row = block.begin() + static_cast<ptrdiff_t>(t * width);
      scores.insert(scores.end(), row, row + static_cast<ptrdiff_t>(width));
    }
    const size_t end = before + t;  // what lies behind is not known yet
    const size_t size = std::min(end, static_cast<size_t>(options_.size));
    const absl::Span<const float> window =
        absl::MakeConstSpan(scores).subspan(end - size, size);
    const absl::Span<const int32_t> window_tokens =
        absl::MakeConstSpan(tokens).subspan(end - size, size);
    AddLoss(window, window_tokens, now.targets[t], log_probabilities[t], sums);
  }
  return absl::OkStatus();
}

void ContinuousCache::AddLoss(absl::Span<const float> scores,
                              absl::Span<const int32_t> tokens, int32_t target,
                              double log_probability,
                              absl::Span<double> sums) const {
  double cached = 0;
  for (size_t i = 0; i < sums.size(); ++i) {
    const auto& [theta, lambda] = options_.settings[i];
    if (scores.empty()) {
      sums[i] -= log_probability;
      continue;
    }
    if (i == 0 || theta != options_.settings[i - 1].theta) {
      cached = Probability(scores, tokens, target, theta);
    }
    sums[i] -= LogMixture(log_probability, cached, lambda);
  }
}

}  // namespace carousel
