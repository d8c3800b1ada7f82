// SPDX-License-Identifier: Apache-2.0
//
// The continuous cache (Grave, Joulin, Usunier 2017): words of the last M steps
// become more probable where the network's state is like the one before them.
//
//   p(w)       = (1 - lambda) p_network(w) + lambda p_cache(w)
//   p_cache(w) ~ sum_i 1{w = w_{i+1}} exp(theta y_t . y_i),   t - M <= i < t
//
// y is what the top layer puts out, w_{i+1} the token that followed it. Before
// the first step there is nothing to remember: p is the network's.

#ifndef CAROUSEL_MODEL_TASKS_CONTINUOUS_CACHE_H_
#define CAROUSEL_MODEL_TASKS_CONTINUOUS_CACHE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace carousel {

// out (m, n): out_ij = a_i . b_j for `a` (m, width) and `b` (n, width). What is
// passed in may multiply matrices; the default is plain loops.
using DotProducts = std::function<absl::Status(
    absl::Span<const float> a, absl::Span<const float> b, int width,
    absl::Span<float> out)>;
absl::Status PlainDotProducts(absl::Span<const float> a,
                              absl::Span<const float> b, int width,
                              absl::Span<float> out);

struct CacheSetting {
  float theta = 0.3f;   // at least 0; 0: all steps count alike
  float lambda = 0.1f;  // at least 0, less than 1
};

struct CacheOptions {
  static constexpr int kMostSteps = 1 << 20;

  int size = 0;  // M; 0: no cache
  // Each is measured. Those with equal theta side by side cost as much as one.
  std::vector<CacheSetting> settings = {CacheSetting()};
};

// INVALID_ARGUMENT, naming the option, if a value is out of bounds.
absl::Status CheckCacheOptions(const CacheOptions& options);

// Consecutive steps of a stream.
struct StreamSteps {
  std::vector<float> top;        // y_t (T, H)
  std::vector<int32_t> targets;  // w_{t+1} (T)
};

// Thread-safe if its dot products are; keeps nothing between calls.
class ContinuousCache {
 public:
  // REQUIRES: CheckCacheOptions(options) is OK and options.size >= 1.
  ContinuousCache(CacheOptions options, int width, DotProducts dot_products);

  // Adds to `sums`, one for each setting, -log p(target) of each of `now`.
  // `past`: the steps before, the oldest first, at least the last M of them if
  // there are so many. `log_probabilities` (T): the network's, of the targets.
  absl::Status AddLosses(
      absl::Span<const std::shared_ptr<const StreamSteps>> past,
      const StreamSteps& now, absl::Span<const double> log_probabilities,
      absl::Span<double> sums) const;

 private:
  // Of one step: `scores`: y_t . y_i of the window, `tokens`: its w_{i+1}.
  void AddLoss(absl::Span<const float> scores, absl::Span<const int32_t> tokens,
               int32_t target, double log_probability,
               absl::Span<double> sums) const;

  // p_cache(target)
  static double Probability(absl::Span<const float> scores,
                            absl::Span<const int32_t> tokens, int32_t target,
                            float theta);

  const CacheOptions options_;
  const int width_;  // H
  const DotProducts dot_products_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_CONTINUOUS_CACHE_H_
