// SPDX-License-Identifier: Apache-2.0
//
// Numbers of half precision (IEEE 754 binary16), in which vectors are kept that
// are many and need few digits. The product has versions for several
// instruction sets; on one machine the same arguments give the same bits.

#ifndef CAROUSEL_MODEL_TASKS_HALF_H_
#define CAROUSEL_MODEL_TASKS_HALF_H_

#include <cstdint>

#include "absl/types/span.h"

namespace carousel {

// The half nearest to x, ties to even; beyond the largest (65504) that one, so
// that no infinity comes of a number. NaN stays NaN.
uint16_t ToHalf(float x);

float FromHalf(uint16_t half);

// The sum of x y. REQUIRES: the same sizes.
float DotHalf(absl::Span<const uint16_t> x, absl::Span<const float> y);

// The same by the arithmetic of every CPU. For tests.
float PlainDotHalf(absl::Span<const uint16_t> x, absl::Span<const float> y);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_HALF_H_
