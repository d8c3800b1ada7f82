// SPDX-License-Identifier: Apache-2.0
//
// From the exact sums of an Int8Product to floats, 16 columns at once; for the
// files that are compiled for CPUs with AVX-512 only.

#ifndef CAROUSEL_MODEL_LAYERS_INT8_SUMS_AVX512_H_
#define CAROUSEL_MODEL_LAYERS_INT8_SUMS_AVX512_H_

#include <immintrin.h>

#include <cstdint>

#include "model/layers/int8_product.h"

namespace carousel {
namespace {

// What the rows of a block of columns have in common.
class Int8Columns {
 public:
  Int8Columns(const Int8Product& product, int64_t begin)
      : lanes_(product.columns - begin >= kInt8Rows
                   ? static_cast<__mmask16>(0xffff)
                   : static_cast<__mmask16>((1u << (product.columns - begin)) -
                                            1)),
        offsets_(_mm512_maskz_loadu_epi32(lanes_, product.offsets + begin)),
        scales_(_mm512_maskz_loadu_ps(lanes_, product.scales + begin)),
        bias_(product.bias == nullptr
                  ? _mm512_setzero_ps()
                  : _mm512_maskz_loadu_ps(lanes_, product.bias + begin)),
        adds_(product.bias == nullptr) {}

  // `out`: the first of these columns in a row of the product.
  void Write(__m512i sums, float x_scale, float* out) const {
    const __m512 base = adds_ ? _mm512_maskz_loadu_ps(lanes_, out) : bias_;
    const __m512 values = _mm512_cvtepi32_ps(_mm512_sub_epi32(sums, offsets_));
    const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(x_scale), scales_);
    _mm512_mask_storeu_ps(out, lanes_, _mm512_fmadd_ps(values, scale, base));
  }

 private:
  __mmask16 lanes_;
  __m512i offsets_;
  __m512 scales_;
  __m512 bias_;
  bool adds_;
};

}  // namespace
}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_INT8_SUMS_AVX512_H_
