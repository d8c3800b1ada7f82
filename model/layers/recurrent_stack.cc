// SPDX-License-Identifier: Apache-2.0

#include "model/layers/recurrent_stack.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"

namespace carousel {

absl::Status CheckStackSizes(const StackSizes& sizes) {
  RETURN_IF_ERROR(CheckSize("inputs", sizes.inputs));
  RETURN_IF_ERROR(CheckSize("hidden", sizes.hidden));
  return CheckSize("layers", sizes.layers);
}

std::vector<WeightSpec> StackWeightSpecs(absl::string_view prefix,
                                         const StackSizes& sizes) {
  const int64_t h = sizes.hidden;
  const int64_t gates = GateCount(sizes.cell) * h;
  const float bound = 1.0f / std::sqrt(static_cast<float>(h));
  const Init recurrent =
      sizes.cell == Cell::kReluRnn ? Init::kIdentity : Init::kUniform;
  const Init bias = sizes.cell == Cell::kLstm ? Init::kForgetOne : Init::kZero;
  std::vector<WeightSpec> specs;
  for (int k = 0; k < sizes.layers; ++k) {
    for (int d = 0; d < sizes.directions(); ++d) {
      const auto add = [&](absl::string_view kind, Shape shape, Init init) {
        specs.push_back(
            {absl::StrCat(prefix, kind, "_l", k, d == 0 ? "" : "_reverse"),
             shape, init, bound});
      };
      add("weight_ih", {gates, sizes.InputWidth(k)}, Init::kUniform);
      add("weight_hh", {gates, h}, recurrent);
      add("bias_ih", {gates}, bias);
      add("bias_hh", {gates}, Init::kZero);
    }
  }
  return specs;
}

RecurrentState ZeroState(const StackSizes& sizes, int rows) {
  const size_t size = static_cast<size_t>(sizes.layers) *
                      static_cast<size_t>(rows) *
                      static_cast<size_t>(sizes.outputs());
  return {.rows = rows,
          .h = std::vector<float>(size),
          .c = std::vector<float>(HasMemory(sizes.cell) ? size : 0)};
}

}  // namespace carousel
