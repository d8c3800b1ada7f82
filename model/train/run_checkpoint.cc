// SPDX-License-Identifier: Apache-2.0
#include "model/train/run_checkpoint.h"

#include <cmath>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

constexpr char kStateKey[] = "state";
constexpr char kTaskKey[] = "task";
constexpr char kConfigKey[] = "config";
constexpr char kStepKey[] = "step";  // of the best weights

// One list of the fields for both directions. Doubles keep their bits: JSON
// numbers are written with as many digits as it takes.
template <typename State, typename Visit>
void VisitFields(State& state, Visit visit) {
  visit("step", state.step);
  visit("tokens", state.tokens);
  visit("seconds", state.seconds);
  visit("batches", state.batches);
  visit("interval_steps", state.interval_steps);
  visit("interval_tokens", state.interval_tokens);
  visit("interval_loss", state.interval_loss);
  visit("interval_gradient_norm", state.interval_gradient_norm);
  visit("interval_seconds", state.interval_seconds);
  visit("evaluated_step", state.evaluated_step);
  visit("best_step", state.best_step);
  visit("best_dev_loss", state.best_dev_loss);
  visit("best_figures", state.best_figures);
  visit("evaluations_without_better", state.evaluations_without_better);
  visit("plateau_evaluations", state.plateau_evaluations);
  visit("plateau_scale", state.plateau_scale);
  visit("averaging", state.averaging);
}

template <typename T>
bool Holds(const nlohmann::json& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return value.is_string();
  } else if constexpr (std::is_same_v<T, bool>) {
    return value.is_boolean();
  } else if constexpr (std::is_integral_v<T>) {
    return value.is_number_integer();
  } else {
    return value.is_number();
  }
}

absl::Status CheckFinite(absl::Span<const NamedTensor> tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (tensor.dtype() != DType::kF32) continue;
    for (const float value : tensor.span<float>()) {
      if (std::isfinite(value)) continue;
      return absl::InternalError(absl::StrCat(
          "tensor \"", name, "\" holds ", value,
          "; a smaller training.learning_rate, or clipping with a smaller "
          "training.clip_norm, may help"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SaveRunCheckpoint(const std::string& path,
                               absl::Span<const NamedTensor> tensors,
                               const RunState& state, absl::string_view task,
                               absl::string_view config) {
  RETURN_IF_ERROR(CheckFinite(tensors));
  nlohmann::json json;
  VisitFields(state,
              [&](const char* name, const auto& value) { json[name] = value; });
  return WriteSafetensors(path, tensors,
                          {{kStateKey, json.dump()},
                           {kTaskKey, std::string(task)},
                           {kConfigKey, std::string(config)}});
}

absl::StatusOr<RunCheckpoint> OpenRunCheckpoint(const std::string& path) {
  RunCheckpoint checkpoint;
  ASSIGN_OR_RETURN(checkpoint.tensors, Safetensors::Open(path));
  const auto& metadata = checkpoint.tensors->metadata();
  const auto state = metadata.find(kStateKey);
  const auto task = metadata.find(kTaskKey);
  const auto config = metadata.find(kConfigKey);
  nlohmann::json json;
  if (state != metadata.end()) {
    json = nlohmann::json::parse(state->second, nullptr,
                                 /*allow_exceptions=*/false);
  }
  if (!json.is_object() || task == metadata.end() || config == metadata.end()) {
    return absl::DataLossError(absl::StrCat(
        path, ": expected a checkpoint of a run, found no state in it"));
  }
  std::string missing;
  VisitFields(checkpoint.state, [&](const char* name, auto& value) {
    using Value = std::decay_t<decltype(value)>;
    if (json.contains(name) && Holds<Value>(json[name])) {
      value = json[name].template get<Value>();
    } else {
      missing = name;
    }
  });
  if (!missing.empty()) {
    return absl::DataLossError(
        absl::StrCat(path, ": the state has no good \"", missing, "\""));
  }
  checkpoint.task = task->second;
  checkpoint.config = config->second;
  return checkpoint;
}

absl::Status SaveBestWeights(const std::string& path,
                             absl::Span<const NamedTensor> weights,
                             int64_t step) {
  RETURN_IF_ERROR(CheckFinite(weights));
  return WriteSafetensors(path, weights, {{kStepKey, absl::StrCat(step)}});
}

absl::Status CheckBestWeights(const std::string& path, int64_t step) {
  ASSIGN_OR_RETURN(const auto best, Safetensors::Open(path));
  const auto found = best->metadata().find(kStepKey);
  const std::string expected = absl::StrCat(step);
  const bool has_step = found != best->metadata().end();
  if (has_step && found->second == expected) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path, ": expected the weights of step ", expected,
                   ", found ", has_step ? found->second : "no step"));
}

}  // namespace carousel
