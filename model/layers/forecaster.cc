// SPDX-License-Identifier: Apache-2.0

#include "model/layers/forecaster.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

constexpr int64_t kMaxSteps = int64_t{1} << 16;
constexpr int64_t kMaxOutputs = int64_t{1} << 24;

absl::Status CheckSteps(absl::string_view name, int steps) {
  if (steps >= 1 && steps <= kMaxSteps) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": ", steps, ", expected 1 to ", kMaxSteps));
}

}  // namespace

absl::StatusOr<std::vector<WeightSpec>> WeightSpecs(
    const ForecasterSizes& sizes) {
  RETURN_IF_ERROR(CheckStackSizes(sizes.rnn));
  RETURN_IF_ERROR(CheckSteps("window", sizes.window));
  RETURN_IF_ERROR(CheckSteps("horizon", sizes.horizon));
  if (sizes.mode == ForecastMode::kStepByStep && sizes.rnn.bidirectional) {
    return absl::InvalidArgumentError(
        "a bidirectional stack cannot forecast step by step");
  }
  const int64_t outputs = int64_t{sizes.steps_at_once()} * sizes.series();
  if (outputs > kMaxOutputs) {
    return absl::InvalidArgumentError(absl::StrCat(
        "horizon times series: ", outputs, ", expected at most ", kMaxOutputs));
  }
  const int features = sizes.rnn.outputs();
  const float bound = 1.0f / std::sqrt(static_cast<float>(features));
  std::vector<WeightSpec> specs = StackWeightSpecs("rnn.", sizes.rnn);
  specs.push_back(
      {"output.weight", {outputs, features}, Init::kUniform, bound});
  specs.push_back({"output.bias", {outputs}, Init::kZero});
  return specs;
}

}  // namespace carousel
