// SPDX-License-Identifier: Apache-2.0
//
// Functions of one number for the kernels, written so that loops over them
// become vector code. For the files that are compiled once for each instruction
// set only: the unnamed namespace gives each of them copies of its own.

#ifndef CAROUSEL_MODEL_LAYERS_KERNEL_MATH_H_
#define CAROUSEL_MODEL_LAYERS_KERNEL_MATH_H_

#include <cstdint>

namespace carousel {
namespace {

inline float Max(float a, float b) { return a > b ? a : b; }

// NaN compares false, so it passes through.
inline float Clamp(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

// exp(x) = 2^n exp(r), r in [-ln2/2, ln2/2]; the polynomial is that of the
// Cephes library (Moshier). Saturates outside of [-87.3, 88].
inline float Exp(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds
  x = Clamp(x, -87.3f, 88.0f);
  const float n = (x * 1.44269504f + kRound) - kRound;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const int32_t power = (static_cast<int32_t>(n) + 127) << 23;
  return p * __builtin_bit_cast(float, power);
}

// exp(x) to about 1e-6, with fewer steps: 2^f for the fraction f of x / ln(2)
// by a polynomial, and the integer, which lies in the lowest bits of what
// rounding gave, shifted into the exponent.
inline float ShortExp(float x) {
  constexpr float kRound = 12582912.0f;
  constexpr float kLog2E = 1.44269504f;
  x = Clamp(x, -87.3f, 88.0f);
  const float shifted = x * kLog2E + kRound;
  const float f = x * kLog2E - (shifted - kRound);
  float p = 1.54035304e-4f;
  p = p * f + 1.33335581e-3f;
  p = p * f + 9.61812911e-3f;
  p = p * f + 5.55041087e-2f;
  p = p * f + 2.40226507e-1f;
  p = p * f + 6.93147181e-1f;
  p = p * f + 1.0f;
  const uint32_t power = __builtin_bit_cast(uint32_t, shifted) << 23;
  return __builtin_bit_cast(float, __builtin_bit_cast(uint32_t, p) + power);
}

inline float Sigmoid(float x) { return 1.0f / (1.0f + Exp(-x)); }

// For small |x| the quotient would lose digits, so there an odd polynomial
// (Cephes) is taken.
inline float Tanh(float x) {
  const float large = 1.0f - 2.0f / (Exp(2.0f * x) + 1.0f);
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float small = p * z * x + x;
  return z < 0.390625f ? small : large;
}

}  // namespace
}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_KERNEL_MATH_H_
