// SPDX-License-Identifier: Apache-2.0

#include "model/layers/f32_matrix.h"

#include "model/base/check.h"

namespace carousel {

F32Matrix::F32Matrix(int64_t n, int64_t k)
    : kernel_(F32KernelVersion(0)),
      k_(k),
      weights_(
          static_cast<size_t>((n + kF32Rows - 1) / kF32Rows * kF32Rows * k)) {
  CAROUSEL_CHECK(kernel_ != nullptr);
}

void F32Matrix::SetRow(int64_t row, const float* weights) {
  for (int64_t k = 0; k < k_; ++k) {
    weights_[static_cast<size_t>(F32Place(row, k, k_))] = weights[k];
  }
}

void F32Matrix::Multiply(const float* x, int64_t rows, int64_t x_stride,
                         const ProductColumns& columns) const {
  CAROUSEL_CHECK(columns.first % kF32Rows == 0);
  kernel_->multiply({.rows = rows,
                     .columns = columns.count,
                     .depth = k_,
                     .x = x,
                     .x_stride = x_stride,
                     .weights = weights_.data() + columns.first * k_,
                     .bias = columns.bias,
                     .out = columns.out,
                     .out_stride = columns.out_stride,
                     .backwards = columns.backwards});
}

}  // namespace carousel
