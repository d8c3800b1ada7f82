// SPDX-License-Identifier: Apache-2.0

#include "model/decode/logits.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "model/base/exp_avx512.h"

// Compiled anew for the instruction set of each caller.
#define CAROUSEL_ALWAYS_INLINE inline __attribute__((always_inline))

namespace carousel {
namespace {

// Summed in float before they are added up in double.
constexpr size_t kBlock = 1024;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Logits up to here are summed as they are, in the pass that finds the largest;
// in others the largest is found first. Were all below -kFar, too many of their
// powers would be none.
constexpr float kFar = 60.0f;

float BaseOf(float max) { return std::abs(max) <= kFar ? 0.0f : max; }

// e^x to about 1e-6 for x <= kFar: 2^n 2^f with n + f = x / ln(2), |f| <= 1/2,
// and 2^f by a polynomial (Taylor's in f ln(2)). Adding 1.5 * 2^23 rounds to an
// integer, which is then in the lowest bits, where it is shifted into the
// exponent from.
CAROUSEL_ALWAYS_INLINE float ExpOfModerate(float x) {
  constexpr float kRound = 12582912.0f;
  constexpr float kLog2E = 1.44269504f;
  x = std::max(x, -87.0f);  // the smallest normal result
  const float shifted = x * kLog2E + kRound;
  const float f = x * kLog2E - (shifted - kRound);
  float e = 1.54035304e-4f;
  e = e * f + 1.33335581e-3f;
  e = e * f + 9.61812911e-3f;
  e = e * f + 5.55041087e-2f;
  e = e * f + 2.40226507e-1f;
  e = e * f + 6.93147181e-1f;
  e = e * f + 1.0f;
  const uint32_t exponent = std::bit_cast<uint32_t>(shifted) << 23;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(e) + exponent);
}

CAROUSEL_ALWAYS_INLINE float Max(const float* value, size_t count) {
  float max = -kInfinity;
#pragma omp simd reduction(max : max) simdlen(32)
  for (size_t i = 0; i < count; ++i) {
    max = value[i] > max ? value[i] : max;
  }
  return max;
}

// sum_i e^(value_i - base)
CAROUSEL_ALWAYS_INLINE float SumExp(const float* value, size_t count,
                                    float base) {
  float sum = 0;
#pragma omp simd reduction(+ : sum) simdlen(32)
  for (size_t i = 0; i < count; ++i) {
    sum += ExpOfModerate(value[i] - base);
  }
  return sum;
}

CAROUSEL_ALWAYS_INLINE double LogSumExpInline(const float* value,
                                              size_t count) {
  const float max = Max(value, count);
  if (max == -kInfinity) return -kInfinity;
  double sum = 0;
  for (size_t i = 0; i < count; i += kBlock) {
    sum += SumExp(value + i, std::min(kBlock, count - i), max);
  }
  return max + std::log(sum);
}

CAROUSEL_ALWAYS_INLINE MaxAndSum MaxAndSumExpInline(const float* value,
                                                    size_t count) {
  const float max = Max(value, count);
  if (max == -kInfinity) return {.max = max};
  const float base = BaseOf(max);
  return {.max = max, .sum = SumExp(value, count, base), .base = base};
}

// Block by block: few have any.
CAROUSEL_ALWAYS_INLINE size_t FindAtLeastInline(const float* value, size_t from,
                                                size_t count, float threshold) {
  constexpr size_t kValues = 32;
  while (from + kValues <= count &&
         !(Max(value + from, kValues) >= threshold)) {
    from += kValues;
  }
  while (from < count && !(value[from] >= threshold)) ++from;
  return from;
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) size_t FindAtLeastAvx2(const float* value,
                                                           size_t from,
                                                           size_t count,
                                                           float threshold) {
  return FindAtLeastInline(value, from, count, threshold);
}

__attribute__((target("avx2,fma"))) MaxAndSum MaxAndSumExpAvx2(
    const float* value, size_t count) {
  return MaxAndSumExpInline(value, count);
}

constexpr size_t kLanes = 16;

// Of the numbers from `i` on, as far as there are so many.
CAROUSEL_AVX512_INLINE __mmask16 LanesFrom(size_t i, size_t count) {
  return count - i >= kLanes ? static_cast<__mmask16>(0xffff)
                             : static_cast<__mmask16>((1u << (count - i)) - 1);
}

// Lane by lane, of several vectors.
struct Avx512MaxAndSum {
  __m512 max, sum;
};

// Of -infinity, which stands where there is no value, the power is 0.
CAROUSEL_AVX512_INLINE void Add(__m512 values, float base,
                                Avx512MaxAndSum* result) {
  constexpr float kLog2E = 1.44269504f;
  result->max = _mm512_max_ps(result->max, values);
  const __m512 above = _mm512_sub_ps(values, _mm512_set1_ps(base));
  result->sum = _mm512_add_ps(
      result->sum, Exp2Avx512(_mm512_mul_ps(above, _mm512_set1_ps(kLog2E))));
}

// By two of them in turn: an addition waits for the one before.
CAROUSEL_AVX512_FUNCTION MaxAndSum SumAvx512(const float* value, size_t count,
                                             float base) {
  const __m512 lowest = _mm512_set1_ps(-kInfinity);
  Avx512MaxAndSum a = {lowest, _mm512_setzero_ps()}, b = a;
  size_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    Add(_mm512_loadu_ps(value + i), base, &a);
    Add(_mm512_loadu_ps(value + i + kLanes), base, &b);
  }
  for (; i < count; i += kLanes) {
    Add(_mm512_mask_loadu_ps(lowest, LanesFrom(i, count), value + i), base, &a);
  }
  return {.max = _mm512_reduce_max_ps(_mm512_max_ps(a.max, b.max)),
          .sum = _mm512_reduce_add_ps(_mm512_add_ps(a.sum, b.sum)),
          .base = base};
}

MaxAndSum MaxAndSumExpAvx512(const float* value, size_t count) {
  const MaxAndSum found = SumAvx512(value, count, 0);
  // Of a NaN the sum tells; the largest may be any.
  if (std::isnan(found.sum)) return {.max = found.sum, .sum = found.sum};
  if (found.max == -kInfinity) return {.max = found.max};
  const float base = BaseOf(found.max);
  return base == 0 ? found : SumAvx512(value, count, base);
}

CAROUSEL_AVX512_FUNCTION size_t FindAtLeastAvx512(const float* value,
                                                  size_t from, size_t count,
                                                  float threshold) {
  for (; from < count; from += kLanes) {
    const __mmask16 lanes = LanesFrom(from, count);
    const __mmask16 found = _mm512_mask_cmp_ps_mask(
        lanes, _mm512_maskz_loadu_ps(lanes, value + from),
        _mm512_set1_ps(threshold), _CMP_GE_OQ);
    if (found != 0) return from + static_cast<size_t>(std::countr_zero(found));
  }
  return count;
}

// Block by block, each relative to its own largest.
double LogSumExpAvx512(const float* value, size_t count) {
  double max = -kInfinity;
  double sum = 0;  // relative to it
  for (size_t i = 0; i < count; i += kBlock) {
    const MaxAndSum block =
        MaxAndSumExpAvx512(value + i, std::min(kBlock, count - i));
    if (block.max == -kInfinity) continue;
    const double larger = std::max(max, double{block.max});
    sum = sum * std::exp(max - larger) +
          double{block.sum} * std::exp(block.base - larger);
    max = larger;
  }
  return max + std::log(sum);
}

__attribute__((target("avx2,fma"))) double LogSumExpAvx2(const float* value,
                                                         size_t count) {
  return LogSumExpInline(value, count);
}

bool HasAvx512() {
  static const bool has_avx512 =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma");
  return has_avx512;
}

bool HasAvx2() {
  static const bool has_avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has_avx2;
}
#endif

}  // namespace

double LogSumExp(absl::Span<const float> logits) {
#if defined(__x86_64__)
  if (HasAvx512()) return LogSumExpAvx512(logits.data(), logits.size());
  if (HasAvx2()) return LogSumExpAvx2(logits.data(), logits.size());
#endif
  return LogSumExpInline(logits.data(), logits.size());
}

size_t FindAtLeast(absl::Span<const float> logits, size_t from,
                   float threshold) {
#if defined(__x86_64__)
  if (HasAvx512()) {
    return FindAtLeastAvx512(logits.data(), from, logits.size(), threshold);
  }
  if (HasAvx2()) {
    return FindAtLeastAvx2(logits.data(), from, logits.size(), threshold);
  }
#endif
  return FindAtLeastInline(logits.data(), from, logits.size(), threshold);
}

MaxAndSum MaxAndSumExp(absl::Span<const float> logits) {
#if defined(__x86_64__)
  if (HasAvx512()) return MaxAndSumExpAvx512(logits.data(), logits.size());
  if (HasAvx2()) return MaxAndSumExpAvx2(logits.data(), logits.size());
#endif
  return MaxAndSumExpInline(logits.data(), logits.size());
}

}  // namespace carousel
