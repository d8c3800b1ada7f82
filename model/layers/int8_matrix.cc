// SPDX-License-Identifier: Apache-2.0

#include "model/layers/int8_matrix.h"

#include "model/base/check.h"
#include "model/base/grow.h"
#include "model/layers/kernels.h"

namespace carousel {
namespace {

constexpr float kUnitScale = 1.0f / 127;

int64_t RoundUp(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

void Int8Rows::Resize(int64_t rows, int64_t width) {
  width_ = width;
  depth_ = RoundUp(width, kInt8Depth);
  GrowTo(static_cast<size_t>(rows * depth_), &values_);
  GrowTo(static_cast<size_t>(rows), &scales_);
}

void Int8Rows::Set(int64_t row, const float* x) {
  const Kernels& kernels = GetKernels();
  const float scale = kernels.largest_magnitude(width_, x) * kUnitScale;
  scales_[static_cast<size_t>(row)] = scale;
  kernels.quantise(width_, scale > 0 ? 1 / scale : 0, x,
                   values_.data() + row * depth_);
}

void Int8Rows::SetUnit(int64_t row, const float* x) {
  scales_[static_cast<size_t>(row)] = kUnitScale;
  GetKernels().quantise(width_, 127.0f, x, values_.data() + row * depth_);
}

Int8Matrix::Int8Matrix(int64_t n, int64_t k)
    : kernel_(Int8KernelVersion(0)),
      k_(k),
      depth_(RoundUp(k, kInt8Depth)),
      weights_(static_cast<size_t>(RoundUp(n, kInt8Rows) * depth_)),
      scales_(static_cast<size_t>(n)),
      offsets_(static_cast<size_t>(n)) {
  CAROUSEL_CHECK(kernel_ != nullptr);
}

// A weight is quantised as an activation is, less the 128.
void Int8Matrix::SetRow(int64_t row, const float* weights) {
  Int8Rows quantised;
  quantised.Resize(1, k_);
  quantised.Set(0, weights);
  int32_t sum = 0;
  for (int64_t k = 0; k < k_; ++k) {
    const int q = quantised.row(0)[k] - 128;
    sum += q;
    weights_[static_cast<size_t>(Int8Place(row, k, depth_))] =
        static_cast<int8_t>(q);
  }
  scales_[static_cast<size_t>(row)] = *quantised.scales();
  offsets_[static_cast<size_t>(row)] = 128 * sum;
}

void Int8Matrix::Multiply(const Int8Rows& x, int64_t rows,
                          const ProductColumns& columns) const {
  const int64_t first = columns.first;
  CAROUSEL_CHECK(first % kInt8Rows == 0 && x.depth() == depth_);
  kernel_->multiply({.rows = rows,
                     .columns = columns.count,
                     .depth = depth_,
                     .x = x.row(0),
                     .x_scales = x.scales(),
                     .weights = weights_.data() + first * depth_,
                     .scales = scales_.data() + first,
                     .offsets = offsets_.data() + first,
                     .bias = columns.bias,
                     .out = columns.out,
                     .out_stride = columns.out_stride,
                     .backwards = columns.backwards});
}

size_t Int8Matrix::memory_bytes() const {
  return weights_.size() + scales_.size() * sizeof(float) +
         offsets_.size() * sizeof(int32_t);
}

}  // namespace carousel
