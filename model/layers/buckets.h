// SPDX-License-Identifier: Apache-2.0
//
// oneDNN makes a primitive for every shape. Work of any size is cut into pieces
// of few sizes, so that the number of primitives is bounded.

#ifndef CAROUSEL_MODEL_LAYERS_BUCKETS_H_
#define CAROUSEL_MODEL_LAYERS_BUCKETS_H_

namespace carousel {

// The largest power of two that is at most `n` and at most `limit`.
// REQUIRES: n >= 1; limit is a power of two.
constexpr int LargestBucket(int n, int limit) {
  int bucket = limit;
  while (bucket > n) bucket /= 2;
  return bucket;
}

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_BUCKETS_H_
