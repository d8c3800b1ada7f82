// SPDX-License-Identifier: Apache-2.0
//
// Between tensors with names, as in a file, and the list that a network takes.

#ifndef CAROUSEL_MODEL_BUNDLE_STORED_WEIGHTS_H_
#define CAROUSEL_MODEL_BUNDLE_STORED_WEIGHTS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/weight_specs.h"
#include "model/tensor/tensor.h"
#include "model/weights/safetensors.h"

namespace carousel {

// The tensors in the order of `specs`. INVALID_ARGUMENT naming the tensor,
// expected and found, unless each spec has exactly one tensor, of its shape, in
// F32 or BF16, and no tensor is left over.
absl::StatusOr<std::vector<Tensor>> MatchWeights(
    absl::Span<const NamedTensor> tensors, absl::Span<const WeightSpec> specs);

// `tensors` as they are stored, in the same order: matrices in `dtype` (F32 or
// BF16), vectors in F32. REQUIRES: F32 or BF16 tensors.
std::vector<Tensor> ToStoredTypes(absl::Span<const Tensor> tensors,
                                  DType dtype);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_STORED_WEIGHTS_H_
