// SPDX-License-Identifier: Apache-2.0

#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/language_model.h"

namespace carousel {
namespace {

constexpr int kGates = 4;

// Keeps every product of two sizes and a type inside an int64_t.
constexpr int kLargestSize = 1 << 24;

absl::Status CheckSize(absl::string_view name, int size) {
  if (size >= 1 && size <= kLargestSize) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": ", size, ", expected 1 to ", kLargestSize));
}

}  // namespace

absl::StatusOr<std::vector<WeightSpec>> WeightSpecs(
    const LanguageModelSizes& sizes) {
  RETURN_IF_ERROR(CheckSize("vocabulary", sizes.vocabulary));
  RETURN_IF_ERROR(CheckSize("embedding", sizes.embedding));
  RETURN_IF_ERROR(CheckSize("hidden", sizes.hidden));
  RETURN_IF_ERROR(CheckSize("layers", sizes.layers));
  if (!sizes.projection && sizes.hidden != sizes.embedding) {
    return absl::InvalidArgumentError(
        absl::StrCat("without a projection, hidden (", sizes.hidden,
                     ") must equal embedding (", sizes.embedding, ")"));
  }
  const int64_t v = sizes.vocabulary;
  const int64_t e = sizes.embedding;
  const int64_t h = sizes.hidden;
  std::vector<WeightSpec> specs = {{"embedding.weight", {v, e}}};
  for (int k = 0; k < sizes.layers; ++k) {
    const auto name = [k](absl::string_view kind) {
      return absl::StrCat("rnn.", kind, "_l", k);
    };
    specs.push_back({name("weight_ih"), {kGates * h, k == 0 ? e : h}});
    specs.push_back({name("weight_hh"), {kGates * h, h}});
    specs.push_back({name("bias_ih"), {kGates * h}});
    specs.push_back({name("bias_hh"), {kGates * h}});
  }
  if (sizes.projection) {
    specs.push_back({"projection.weight", {e, h}});
    specs.push_back({"projection.bias", {e}});
  }
  if (!sizes.tied) specs.push_back({"output.weight", {v, e}});
  specs.push_back({"output.bias", {v}});
  return specs;
}

int64_t CountParameters(const LanguageModelSizes& sizes) {
  const absl::StatusOr<std::vector<WeightSpec>> specs = WeightSpecs(sizes);
  CAROUSEL_CHECK(specs.ok());
  int64_t count = 0;
  for (const WeightSpec& spec : *specs) count += NumElements(spec.shape);
  return count;
}

}  // namespace carousel
