// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/half.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

#include "model/base/check.h"
#include "model/base/exp_avx512.h"

namespace carousel {
namespace {

// Times this the exponent of a half, read as that of a float, is right:
// 2^(127 - 15).
constexpr float kExponent = 5.192296858534828e33f;

using DotFunction = float (*)(const uint16_t* x, const float* y, size_t count);

float DotPlain(const uint16_t* x, const float* y, size_t count) {
  float sum = 0;
  for (size_t i = 0; i < count; ++i) sum += FromHalf(x[i]) * y[i];
  return sum;
}

#if defined(__x86_64__)

// Every CPU that has AVX2 converts halves (F16C).
__attribute__((target("avx2,fma,f16c"))) float DotAvx2(const uint16_t* x,
                                                       const float* y,
                                                       size_t count) {
  constexpr size_t kLanes = 8;
  __m256 sums = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const __m128i halves =
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i));
    sums =
        _mm256_fmadd_ps(_mm256_cvtph_ps(halves), _mm256_loadu_ps(y + i), sums);
  }
  float lanes[kLanes];
  _mm256_storeu_ps(lanes, sums);
  float sum = 0;
  for (float lane : lanes) sum += lane;
  for (; i < count; ++i) sum += _cvtsh_ss(x[i]) * y[i];
  return sum;
}

CAROUSEL_AVX512_INLINE __m512 AddProducts(__m256i x, __m512 y, __m512 sums) {
  return _mm512_fmadd_ps(_mm512_cvtph_ps(x), y, sums);
}

// Two sums at a time: each waits for its last product.
CAROUSEL_AVX512_FUNCTION float DotAvx512(const uint16_t* x, const float* y,
                                         size_t count) {
  constexpr size_t kLanes = 16;
  __m512 even = _mm512_setzero_ps();
  __m512 odd = _mm512_setzero_ps();
  size_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    even =
        AddProducts(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i)),
                    _mm512_loadu_ps(y + i), even);
    odd = AddProducts(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i + kLanes)),
        _mm512_loadu_ps(y + i + kLanes), odd);
  }
  for (; i < count; i += kLanes) {
    const size_t left = std::min(kLanes, count - i);
    const auto lanes = static_cast<__mmask16>((1u << left) - 1);
    even = AddProducts(_mm256_maskz_loadu_epi16(lanes, x + i),
                       _mm512_maskz_loadu_ps(lanes, y + i), even);
  }
  const __m512 all = _mm512_add_ps(even, odd);
  float lanes[kLanes / 2];
  _mm256_storeu_ps(lanes,
                   _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xff, all, 0),
                                 _mm512_maskz_extractf32x8_ps(0xff, all, 1)));
  float sum = 0;
  for (float lane : lanes) sum += lane;
  return sum;
}

#endif

DotFunction ChooseDot() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) {
    return DotAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return DotAvx2;
  }
#endif
  return DotPlain;
}

}  // namespace

// Normal halves: the digits that are cut off round the others up, which may
// carry into the exponent, as it should. Below them lies a grid of 2^-24, on
// which adding 1/2 to a float rounds.
uint16_t ToHalf(float x) {
  constexpr float kLargest = 65504.0f;
  constexpr float kSmallestNormal = 6.103515625e-5f;  // 2^-14
  const auto sign =
      static_cast<uint16_t>((std::bit_cast<uint32_t>(x) >> 16) & 0x8000u);
  if (std::isnan(x)) return static_cast<uint16_t>(sign | 0x7e00u);
  const float size = std::min(std::fabs(x), kLargest);
  if (size < kSmallestNormal) {
    const uint32_t steps =
        std::bit_cast<uint32_t>(size + 0.5f) - std::bit_cast<uint32_t>(0.5f);
    return static_cast<uint16_t>(sign | steps);
  }
  const uint32_t bits = std::bit_cast<uint32_t>(size) - (112u << 23);
  const uint32_t rounded = bits + 0xfffu + ((bits >> 13) & 1u);
  return static_cast<uint16_t>(sign | (rounded >> 13));
}

float FromHalf(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t size = (half & 0x7fffu) << 13;
  const bool is_finite = (half & 0x7c00u) != 0x7c00u;
  const float value = is_finite ? std::bit_cast<float>(size) * kExponent
                                : std::bit_cast<float>(size | 0x7f800000u);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
}

float DotHalf(absl::Span<const uint16_t> x, absl::Span<const float> y) {
  static const DotFunction dot = ChooseDot();
  CAROUSEL_CHECK(x.size() == y.size());
  return dot(x.data(), y.data(), x.size());
}

float PlainDotHalf(absl::Span<const uint16_t> x, absl::Span<const float> y) {
  CAROUSEL_CHECK(x.size() == y.size());
  return DotPlain(x.data(), y.data(), x.size());
}

}  // namespace carousel
