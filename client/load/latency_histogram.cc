// SPDX-License-Identifier: Apache-2.0

#include "client/load/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace carousel {
namespace {

constexpr int kSubBits = 7;
constexpr uint64_t kSub = uint64_t{1} << kSubBits;
constexpr int kOctaves = 25;  // up to 2^32 microseconds

// Numbers below 2 * kSub have a bucket each; of larger ones the first
// kSubBits + 1 bits count.
size_t BucketOf(uint64_t micros) {
  if (micros < kSub) return micros;
  const int shift = static_cast<int>(std::bit_width(micros)) - kSubBits - 1;
  return static_cast<size_t>(shift) * kSub + (micros >> shift);
}

uint64_t LargestOf(size_t bucket) {
  if (bucket < 2 * kSub) return bucket;
  const size_t shift = bucket / kSub - 1;
  return ((bucket - shift * kSub + 1) << shift) - 1;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_((kOctaves + 2) * kSub) {}

void LatencyHistogram::Add(absl::Duration duration) {
  const int64_t micros = absl::ToInt64Microseconds(duration);
  const auto bucket = BucketOf(static_cast<uint64_t>(
      std::clamp<int64_t>(micros, 1, (int64_t{1} << 32) - 1)));
  ++buckets_[bucket];
  ++count_;
}

LatencyHistogram& LatencyHistogram::operator+=(const LatencyHistogram& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  return *this;
}

absl::Duration LatencyHistogram::Quantile(double quantile) const {
  const auto wanted = std::max<int64_t>(
      1,
      static_cast<int64_t>(std::ceil(quantile * static_cast<double>(count_))));
  int64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted) {
      return absl::Microseconds(static_cast<int64_t>(LargestOf(i)));
    }
  }
  return absl::ZeroDuration();
}

}  // namespace carousel
