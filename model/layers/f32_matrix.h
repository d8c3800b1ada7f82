// SPDX-License-Identifier: Apache-2.0
//
// A constant matrix of f32 that rows of activations are multiplied with, in the
// order of f32_product.h.

#ifndef CAROUSEL_MODEL_LAYERS_F32_MATRIX_H_
#define CAROUSEL_MODEL_LAYERS_F32_MATRIX_H_

#include <cstddef>
#include <cstdint>

#include "model/layers/f32_product.h"
#include "model/layers/product_columns.h"
#include "model/tensor/aligned_vector.h"

namespace carousel {

// Multiply is thread-safe, SetRow is not.
class F32Matrix {
 public:
  // (n, k) of zeros. REQUIRES: this CPU has an F32KernelVersion.
  F32Matrix(int64_t n, int64_t k);

  // Row `row` becomes `weights` (k).
  void SetRow(int64_t row, const float* weights);

  // The first `rows` of x (rows, k), `x_stride` floats apart, times rows of the
  // matrix. REQUIRES: columns.first is a multiple of kF32Rows.
  void Multiply(const float* x, int64_t rows, int64_t x_stride,
                const ProductColumns& columns) const;

  size_t memory_bytes() const { return weights_.size() * sizeof(float); }
  const char* implementation() const { return kernel_->name; }

 private:
  const F32Kernel* kernel_;
  int64_t k_;
  AlignedVector<float> weights_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_F32_MATRIX_H_
