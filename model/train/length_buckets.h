// SPDX-License-Identifier: Apache-2.0
//
// Which shapes of batches there are. oneDNN makes primitives for every shape,
// and a row is computed to the end of its bucket: few buckets cost padding,
// many cost primitives and memory. Lengths are rounded up to a ladder that
// grows by a quarter, and the buckets of the grid are merged, the cheapest pair
// first, until few enough are left.

#ifndef CAROUSEL_MODEL_TRAIN_LENGTH_BUCKETS_H_
#define CAROUSEL_MODEL_TRAIN_LENGTH_BUCKETS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace carousel {

// Lengths of a source and its target, in steps.
struct PairLength {
  int source = 0;
  int target = 0;

  bool operator==(const PairLength&) const = default;

  // What a row of this length costs.
  int64_t steps() const { return int64_t{source} + target; }

  // Whether a row of length `other` fits.
  bool Holds(const PairLength& other) const {
    return other.source <= source && other.target <= target;
  }
};

// The least step of the ladder 1, 2, 3, 4, 5, 7, 9, 12, 15, 19, ... that is at
// least `length`. REQUIRES: length >= 1.
int RoundUpLength(int length);

// At most `limit` buckets, the cheapest first, of which at least one holds each
// of `lengths`; none is longer than the longest. REQUIRES: lengths and limit
// are at least 1.
std::vector<PairLength> ChooseBuckets(absl::Span<const PairLength> lengths,
                                      int limit);

// The cheapest bucket that holds `length`; buckets.size() if none does.
// REQUIRES: as ChooseBuckets() returned them.
size_t FindBucket(absl::Span<const PairLength> buckets, PairLength length);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_LENGTH_BUCKETS_H_
