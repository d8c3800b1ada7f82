// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/stored_weights.h"

#include <map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/base/status_macros.h"
#include "model/weights/strict_json.h"

namespace carousel {
namespace {

absl::Status Mismatch(absl::string_view name, absl::string_view expected,
                      absl::string_view found) {
  return absl::InvalidArgumentError(
      absl::StrCat("tensor ", QuoteForMessage(name), ": expected ", expected,
                   ", found ", found));
}

absl::Status CheckTensor(const Tensor& tensor, const WeightSpec& spec) {
  if (tensor.shape() != spec.shape) {
    return Mismatch(spec.name, absl::StrCat("shape ", ShapeString(spec.shape)),
                    ShapeString(tensor.shape()));
  }
  if (tensor.dtype() != DType::kF32 && tensor.dtype() != DType::kBF16) {
    return Mismatch(spec.name, "type F32 or BF16", DTypeName(tensor.dtype()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Tensor>> MatchWeights(
    absl::Span<const NamedTensor> tensors, absl::Span<const WeightSpec> specs) {
  std::map<absl::string_view, size_t> places;
  for (size_t i = 0; i < specs.size(); ++i) places[specs[i].name] = i;
  std::vector<Tensor> result(specs.size());
  for (const NamedTensor& named : tensors) {
    const auto place = places.find(named.name);
    if (place == places.end()) {
      return Mismatch(named.name, "no such tensor in this network", "one");
    }
    Tensor& slot = result[place->second];
    if (!slot.empty()) return Mismatch(named.name, "one", "two");
    RETURN_IF_ERROR(CheckTensor(named.tensor, specs[place->second]));
    slot = named.tensor;
  }
  for (size_t i = 0; i < specs.size(); ++i) {
    if (result[i].empty()) {
      return Mismatch(specs[i].name,
                      absl::StrCat("shape ", ShapeString(specs[i].shape)),
                      "no such tensor");
    }
  }
  return result;
}

std::vector<Tensor> ToStoredTypes(absl::Span<const Tensor> tensors,
                                  DType dtype) {
  std::vector<Tensor> result;
  for (const Tensor& tensor : tensors) {
    const bool is_matrix = tensor.shape().size() > 1;
    const DType stored = is_matrix ? dtype : DType::kF32;
    if (tensor.dtype() == stored) {
      result.push_back(tensor);
    } else if (stored == DType::kF32) {
      result.push_back(tensor.ToF32());
    } else {
      result.push_back(tensor.ToBF16());
    }
  }
  return result;
}

}  // namespace carousel
