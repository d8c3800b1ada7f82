// SPDX-License-Identifier: Apache-2.0
//
// A constant matrix of 8-bit weights and rows of 8-bit activations that it is
// multiplied with. What the numbers stand for: served_matrix.h.

#ifndef CAROUSEL_MODEL_LAYERS_INT8_MATRIX_H_
#define CAROUSEL_MODEL_LAYERS_INT8_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/layers/int8_product.h"
#include "model/layers/product_columns.h"
#include "model/tensor/aligned_vector.h"

namespace carousel {

// Grows to the largest use and is reused.
class Int8Rows {
 public:
  // Room for `rows` of `width`, whatever is in them.
  void Resize(int64_t rows, int64_t width);

  // Row `row` becomes x (width), with a scale of its largest magnitude / 127.
  void Set(int64_t row, const float* x);

  // The same of values in [-1, 1], with a scale of 1 / 127.
  void SetUnit(int64_t row, const float* x);

  const uint8_t* row(int64_t row) const {
    return values_.data() + row * depth_;
  }
  const float* scales() const { return scales_.data(); }
  int64_t depth() const { return depth_; }  // bytes from a row to the next

 private:
  int64_t width_ = 0;
  int64_t depth_ = 0;
  AlignedVector<uint8_t> values_;  // (rows, depth)
  std::vector<float> scales_;      // (rows)
};

// Multiply is thread-safe, SetRow is not.
class Int8Matrix {
 public:
  // (n, k) of zeros. REQUIRES: this CPU has an Int8KernelVersion.
  Int8Matrix(int64_t n, int64_t k);

  // Row `row` becomes `weights` (k), as nearly as a scale of its own allows.
  void SetRow(int64_t row, const float* weights);

  // The first `rows` of x times rows of the matrix. REQUIRES: columns.first is
  // a multiple of kInt8Rows; x is k wide.
  void Multiply(const Int8Rows& x, int64_t rows,
                const ProductColumns& columns) const;

  size_t memory_bytes() const;
  const char* implementation() const { return kernel_->name; }

 private:
  const Int8Kernel* kernel_;
  int64_t k_;
  int64_t depth_;
  AlignedVector<int8_t> weights_;  // in the order of int8_product.h
  std::vector<float> scales_;      // (n)
  std::vector<int32_t> offsets_;   // (n): 128 times the sum of a row
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_INT8_MATRIX_H_
