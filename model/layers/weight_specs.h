// SPDX-License-Identifier: Apache-2.0
//
// What a network says about each of its weights: name, shape, and the numbers
// that training starts from. A network's weights and gradients are always
// passed in the order of its list of specs.

#ifndef CAROUSEL_MODEL_LAYERS_WEIGHT_SPECS_H_
#define CAROUSEL_MODEL_LAYERS_WEIGHT_SPECS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/base/random.h"
#include "model/tensor/tensor.h"

namespace carousel {

enum class Init {
  kZero,
  kOne,
  kUniform,    // U(-bound, bound)
  kIdentity,   // square matrix: ones on the diagonal (Le, Jaitly, Hinton 2015)
  kForgetOne,  // bias of an LSTM: 1 at the forget gate (Jozefowicz et al. 2015)
};

struct WeightSpec {
  std::string name;  // PyTorch's
  Shape shape;
  Init init = Init::kUniform;
  float bound = 0.1f;
};

// The weight (outputs, inputs) of a layer without recurrence, which begins from
// U(-1/sqrt(inputs), 1/sqrt(inputs)) as PyTorch's Linear does.
WeightSpec LinearWeight(std::string name, int64_t outputs, int64_t inputs);

// Writes the weight's initial numbers. REQUIRES: as many as spec.shape says.
void InitialiseWeight(const WeightSpec& spec, Random random,
                      absl::Span<float> weight);

// Numbers in all these weights.
int64_t CountParameters(absl::Span<const WeightSpec> specs);

// INVALID_ARGUMENT, naming the tensor, if the tensors are not those of the
// specs: number, shapes, F32 or BF16.
absl::Status CheckWeights(absl::Span<const WeightSpec> specs,
                          absl::Span<const Tensor> weights);

// INVALID_ARGUMENT, naming it, if a size of a network is not in [1, 2^24]:
// every product of two sizes and a type then fits an int64_t.
absl::Status CheckSize(absl::string_view name, int size);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_WEIGHT_SPECS_H_
