// SPDX-License-Identifier: Apache-2.0
//
// Matrix products of training in either precision, written once.

#ifndef CAROUSEL_MODEL_LAYERS_FACTOR_H_
#define CAROUSEL_MODEL_LAYERS_FACTOR_H_

#include <cstdint>

#include "absl/status/status.h"
#include "model/onednn/executor.h"
#include "model/onednn/matmul.h"
#include "model/onednn/precision.h"
#include "model/tensor/aligned_vector.h"
#include "model/tensor/tensor.h"

namespace carousel {

// A matrix that products read: in f32 somebody else's memory as it is, in bf16
// a rounded copy, made once however many products read it.
//
// Not thread-safe; computes with the OpenMP threads of the caller.
class Factor {
 public:
  // REQUIRES: kF32, or SupportsBF16().
  explicit Factor(Precision precision) : precision_(precision) {}

  // The matrix is `values` (n), which must stay where they are, and in f32 as
  // they are, while products read them.
  void Set(int64_t n, const float* values);

  // Memory for n rounded values that the caller fills in, a few at a time.
  // REQUIRES: bf16().
  BFloat16* SetRounded(int64_t n);

  bool bf16() const { return precision_ == Precision::kBF16; }
  const float* values() const { return values_; }
  const BFloat16* rounded() const { return rounded_.data(); }

 private:
  const Precision precision_;
  const float* values_ = nullptr;    // kF32
  AlignedVector<BFloat16> rounded_;  // kBF16
};

// A row-major part of a factor, perhaps read transposed.
struct FactorView {
  const Factor* factor = nullptr;
  int64_t offset = 0;      // elements before the first
  int64_t row_stride = 0;  // elements from a stored row to the next
  bool transposed = false;
};

// C = A B [+ bias] [+ C]; see BasicMatmulArgs.
struct ProductArgs {
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  FactorView a;
  FactorView b;
  const float* bias = nullptr;
  float* c = nullptr;
  int64_t c_row_stride = 0;
  bool accumulate = false;
};

// REQUIRES: both factors are of one precision.
absl::Status Multiply(const ProductArgs& args, Executor* executor);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_FACTOR_H_
