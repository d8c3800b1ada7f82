// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/logits.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

// Compiled anew for the instruction set of each caller.
#define CAROUSEL_ALWAYS_INLINE inline __attribute__((always_inline))

namespace carousel {
namespace {

// Summed in float before they are added up in double.
constexpr size_t kBlock = 1024;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// e^x to about 2e-7 for x <= 0: 2^n * e^r with |r| <= ln(2) / 2, e^r by its
// Taylor polynomial. Adding and taking off 1.5 * 2^23 rounds to an integer.
CAROUSEL_ALWAYS_INLINE float ExpOfNonPositive(float x) {
  constexpr float kRound = 12582912.0f;
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;
  constexpr float kLn2Low = -2.12194440e-4f;
  x = std::max(x, -87.0f);  // the smallest normal result
  const float n = (x * kLog2E + kRound) - kRound;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float e = 1.0f / 720;
  e = e * r + 1.0f / 120;
  e = e * r + 1.0f / 24;
  e = e * r + 1.0f / 6;
  e = e * r + 0.5f;
  e = e * r + 1.0f;
  e = e * r + 1.0f;
  const int32_t exponent = (static_cast<int32_t>(n) + 127) << 23;
  return e * std::bit_cast<float>(exponent);
}

CAROUSEL_ALWAYS_INLINE float Max(const float* value, size_t count) {
  float max = -kInfinity;
#pragma omp simd reduction(max : max)
  for (size_t i = 0; i < count; ++i) {
    max = value[i] > max ? value[i] : max;
  }
  return max;
}

// sum_i e^(value_i - max)
CAROUSEL_ALWAYS_INLINE float SumExp(const float* value, size_t count,
                                    float max) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < count; ++i) {
    sum += ExpOfNonPositive(value[i] - max);
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

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) double LogSumExpAvx2(const float* value,
                                                         size_t count) {
  return LogSumExpInline(value, count);
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
  if (HasAvx2()) return LogSumExpAvx2(logits.data(), logits.size());
#endif
  return LogSumExpInline(logits.data(), logits.size());
}

std::vector<int> NearTop(absl::Span<const float> logits, int count, float slack,
                         absl::FunctionRef<bool(int)> accept) {
  const size_t limit = static_cast<size_t>(count);
  std::vector<float> best;  // a heap with the smallest of the best on top
  best.reserve(limit + 1);
  std::vector<int> near;
  float threshold = -kInfinity;
  for (size_t i = 0; i < logits.size(); ++i) {
    const int index = static_cast<int>(i);
    if (logits[i] < threshold || !accept(index)) continue;
    near.push_back(index);
    best.push_back(logits[i]);
    std::push_heap(best.begin(), best.end(), std::greater<>());
    if (best.size() > limit) {
      std::pop_heap(best.begin(), best.end(), std::greater<>());
      best.pop_back();
    }
    if (best.size() == limit) threshold = best.front() - slack;
  }
  std::erase_if(near, [&](int index) { return logits[index] < threshold; });
  return near;
}

}  // namespace carousel
