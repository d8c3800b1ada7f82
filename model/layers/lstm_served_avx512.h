// SPDX-License-Identifier: Apache-2.0
//
// A row of a served LSTM step in AVX-512, for kernels_impl.cc only; the
// equations are there.

#ifndef CAROUSEL_MODEL_LAYERS_LSTM_SERVED_AVX512_H_
#define CAROUSEL_MODEL_LAYERS_LSTM_SERVED_AVX512_H_

#include <cstdint>

#include "model/base/exp_avx512.h"
#include "model/layers/kernels.h"

namespace carousel {
namespace {

// e^(x / divisor), `scale` being log2(e) / divisor, but at most `bound` as a
// power of two. NaN stays NaN.
CAROUSEL_AVX512_INLINE __m512 BoundedExp(__m512 x, float scale, float bound) {
  return Exp2Avx512(_mm512_min_ps(_mm512_set1_ps(bound),
                                  _mm512_mul_ps(x, _mm512_set1_ps(scale))));
}

CAROUSEL_AVX512_INLINE void LstmCellsAvx512(int64_t hidden,
                                            const LstmRowServed& row, int64_t k,
                                            __mmask16 mask) {
  constexpr float kLog2E = 1.44269504f;
  // A gate of 2^-90 is none; tanh is 1 or -1 long before 2^30. So nothing
  // overflows, and each reciprocal is a normal number.
  constexpr float kGate = 90, kTanh = 30;
  const __m512 one = _mm512_set1_ps(1.0f);
  const float* sums = row.sums + k;
  const __m512 e_i =
      BoundedExp(_mm512_maskz_loadu_ps(mask, sums), -kLog2E, kGate);
  const __m512 e_f =
      BoundedExp(_mm512_maskz_loadu_ps(mask, sums + hidden), -kLog2E, kGate);
  const __m512 e_g = BoundedExp(_mm512_maskz_loadu_ps(mask, sums + 2 * hidden),
                                -2 * kLog2E, kTanh);
  const __m512 e_o = BoundedExp(_mm512_maskz_loadu_ps(mask, sums + 3 * hidden),
                                -kLog2E, kGate);
  const __m512 input =
      _mm512_mul_ps(_mm512_sub_ps(one, e_g),
                    ReciprocalAvx512(_mm512_mul_ps(_mm512_add_ps(one, e_i),
                                                   _mm512_add_ps(one, e_g))));
  const __m512 c =
      _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, row.c + k),
                      ReciprocalAvx512(_mm512_add_ps(one, e_f)), input);
  const __m512 e_c = BoundedExp(c, -2 * kLog2E, kTanh);
  const __m512 h =
      _mm512_mul_ps(_mm512_sub_ps(one, e_c),
                    ReciprocalAvx512(_mm512_mul_ps(_mm512_add_ps(one, e_o),
                                                   _mm512_add_ps(one, e_c))));
  _mm512_mask_storeu_ps(row.c + k, mask, c);
  _mm512_mask_storeu_ps(row.h + k, mask, h);
}

inline void LstmServedAvx512(int64_t hidden, const LstmRowServed& row) {
  constexpr int64_t kWidth = 16;
  int64_t k = 0;
  for (; k + kWidth <= hidden; k += kWidth) {
    LstmCellsAvx512(hidden, row, k, 0xffff);
  }
  if (k < hidden) {
    LstmCellsAvx512(hidden, row, k,
                    static_cast<__mmask16>((1u << (hidden - k)) - 1));
  }
}

}  // namespace
}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_LSTM_SERVED_AVX512_H_
