// SPDX-License-Identifier: Apache-2.0
//
// oneDNN makes a primitive for every shape. Work of any size is cut into pieces
// of few sizes, or filled up to one, so that the number of primitives is
// bounded.

#ifndef CAROUSEL_MODEL_BASE_BUCKETS_H_
#define CAROUSEL_MODEL_BASE_BUCKETS_H_

namespace carousel {

// The largest power of two that is at most `n` and at most `limit`.
// REQUIRES: n >= 1; limit is a power of two.
constexpr int LargestBucket(int n, int limit) {
  int bucket = limit;
  while (bucket > n) bucket /= 2;
  return bucket;
}

// The largest of 1, 2, 3, 4, 6, 8, 12, 16, 24, 32 ... that is at most `n` and
// at most `limit`: what SmallestBucket fills up to is not cut again. REQUIRES:
// n >= 1; limit is a power of two.
constexpr int LargestRowBucket(int n, int limit) {
  const int power = LargestBucket(n, limit);
  const int more = power / 2 * 3;
  return power > 1 && more <= n && more <= limit ? more : power;
}

// The smallest of 1, 2, 3, 4, 6, 8, 12, 16, 24, 32 ... that is at least `n`: at
// most a third is wasted. REQUIRES: n >= 1.
constexpr int SmallestBucket(int n) {
  int power = 1;
  while (power < n) power *= 2;
  const int between = power / 4 * 3;
  return between >= n ? between : power;
}

// How many of `n` go into the next piece, at most `limit`: where each number
// costs a primitive, a power of two. REQUIRES: as LargestBucket.
constexpr int NextPiece(int n, int limit, bool few_shapes) {
  if (few_shapes) return LargestBucket(n, limit);
  return n < limit ? n : limit;
}

// Steps for texts of this length: the smallest of four sizes in each octave
// that is at least `length`, so that at most a quarter is padding. REQUIRES:
// length >= 1.
constexpr int StepsBucket(int length) {
  int step = 1;
  while (step * 8 <= length) step *= 2;
  return (length + step - 1) / step * step;
}

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_BUCKETS_H_
