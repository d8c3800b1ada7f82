// SPDX-License-Identifier: Apache-2.0

#include "model/layers/weight_specs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

constexpr int kLargestSize = 1 << 24;

}  // namespace

WeightSpec LinearWeight(std::string name, int64_t outputs, int64_t inputs) {
  return {.name = std::move(name),
          .shape = {outputs, inputs},
          .bound = 1.0f / std::sqrt(static_cast<float>(inputs))};
}

void InitialiseWeight(const WeightSpec& spec, Random random,
                      absl::Span<float> weight) {
  CAROUSEL_CHECK(static_cast<int64_t>(weight.size()) ==
                 NumElements(spec.shape));
  const float rest = spec.init == Init::kOne ? 1.0f : 0.0f;
  std::fill(weight.begin(), weight.end(), rest);
  switch (spec.init) {
    case Init::kZero:
    case Init::kOne:
      return;
    case Init::kUniform:
      for (float& value : weight) {
        value = random.Uniform(-spec.bound, spec.bound);
      }
      return;
    case Init::kIdentity: {
      CAROUSEL_CHECK(spec.shape.size() == 2 && spec.shape[0] == spec.shape[1]);
      const auto stride = static_cast<size_t>(spec.shape[0]) + 1;
      for (size_t k = 0; k < weight.size(); k += stride) weight[k] = 1.0f;
      return;
    }
    case Init::kForgetOne: {
      const size_t hidden = weight.size() / 4;
      std::fill_n(weight.begin() + static_cast<ptrdiff_t>(hidden), hidden,
                  1.0f);
      return;
    }
  }
}

int64_t CountParameters(absl::Span<const WeightSpec> specs) {
  int64_t count = 0;
  for (const WeightSpec& spec : specs) count += NumElements(spec.shape);
  return count;
}

absl::Status CheckWeights(absl::Span<const WeightSpec> specs,
                          absl::Span<const Tensor> weights) {
  if (specs.size() != weights.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected ", specs.size(), " weight tensors, found ", weights.size()));
  }
  for (size_t i = 0; i < specs.size(); ++i) {
    const Tensor& tensor = weights[i];
    if (tensor.shape() != specs[i].shape) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor \"", specs[i].name, "\": shape ", ShapeString(tensor.shape()),
          ", expected ", ShapeString(specs[i].shape)));
    }
    if (tensor.dtype() != DType::kF32 && tensor.dtype() != DType::kBF16) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor \"", specs[i].name, "\": type ",
                       DTypeName(tensor.dtype()), ", expected F32 or BF16"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSize(absl::string_view name, int size) {
  if (size >= 1 && size <= kLargestSize) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": ", size, ", expected 1 to ", kLargestSize));
}

}  // namespace carousel
