// SPDX-License-Identifier: Apache-2.0
//
// Weights as the serving layers want them: packed once, multiplied by any
// number of rows in pieces of few sizes.

#ifndef CAROUSEL_MODEL_LAYERS_PACKING_H_
#define CAROUSEL_MODEL_LAYERS_PACKING_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/onednn/executor.h"
#include "model/onednn/matmul.h"
#include "model/tensor/tensor.h"

namespace carousel {

// W^T (k, n) of a Linear layer's weight W (n, k), F32 or BF16.
absl::StatusOr<std::unique_ptr<const PackedMatrix>> PackTransposed(
    const Tensor& weight);

// A copy of the values, as floats.
std::vector<float> ToVector(const Tensor& weight);

// out (rows, n) = in (rows, k) matrix.
absl::Status MultiplyRows(const PackedMatrix& matrix, const float* in,
                          int64_t rows, float* out, Executor* executor);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_PACKING_H_
