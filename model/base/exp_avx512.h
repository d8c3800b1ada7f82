// SPDX-License-Identifier: Apache-2.0
//
// Exponentials of 16 numbers at once, for kernels of CPUs with AVX-512. Always
// inlined: the linker has no copy that others could get.

#ifndef CAROUSEL_MODEL_BASE_EXP_AVX512_H_
#define CAROUSEL_MODEL_BASE_EXP_AVX512_H_

#if defined(__x86_64__)

#include <immintrin.h>

// Functions that use these instructions, and those that are to be inlined into
// them: both must name the same.
#define CAROUSEL_AVX512_FUNCTION \
  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
#define CAROUSEL_AVX512_INLINE \
  CAROUSEL_AVX512_FUNCTION __attribute__((always_inline)) inline

namespace carousel {

// 2^x to 2e-7 of it; 0 where it is too small for a float, and NaN of NaN.
// 2^n 2^f, where n is the integer nearest to x, and 2^f by the polynomial
// through the Chebyshev nodes of [-1/2, 1/2].
CAROUSEL_AVX512_INLINE __m512 Exp2Avx512(__m512 x) {
  constexpr int kNearest = 0x08;  // to no digits behind the point, no exception
  const __m512 n = _mm512_roundscale_ps(x, kNearest);
  const __m512 f = _mm512_reduce_ps(x, kNearest);  // of an infinite x: 0
  __m512 p = _mm512_set1_ps(1.340043216e-3f);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.676037098e-3f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.550327214e-2f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.402210736e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.931472067e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, n);
}

// 1 / x to 1e-7 of it. REQUIRES: neither x nor 1 / x is too large or too small
// for a normal float.
CAROUSEL_AVX512_INLINE __m512 ReciprocalAvx512(__m512 x) {
  const __m512 r = _mm512_rcp14_ps(x);  // one step of Newton doubles the digits
  return _mm512_mul_ps(r, _mm512_fnmadd_ps(x, r, _mm512_set1_ps(2.0f)));
}

}  // namespace carousel

#endif  // defined(__x86_64__)
#endif  // CAROUSEL_MODEL_BASE_EXP_AVX512_H_
