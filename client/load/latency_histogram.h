// SPDX-License-Identifier: Apache-2.0
//
// How long things took, in memory that does not grow with how many there were.

#ifndef CAROUSEL_CLIENT_LOAD_LATENCY_HISTOGRAM_H_
#define CAROUSEL_CLIENT_LOAD_LATENCY_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace carousel {

// Thread-compatible. Counts durations from 1 microsecond to about an hour, each
// to within 1 %: 128 buckets of equal width in every power of two.
class LatencyHistogram {
 public:
  LatencyHistogram();

  // Shorter and longer ones count as the shortest and the longest.
  void Add(absl::Duration duration);

  LatencyHistogram& operator+=(const LatencyHistogram& other);

  int64_t count() const { return count_; }

  // The duration that a share `quantile` of them did not exceed, e.g. 0.99; the
  // upper bound of its bucket. Zero if there are none. REQUIRES: in [0, 1].
  absl::Duration Quantile(double quantile) const;

 private:
  std::vector<int64_t> buckets_;
  int64_t count_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_LOAD_LATENCY_HISTOGRAM_H_
