// SPDX-License-Identifier: Apache-2.0
#include "model/train/run_metrics.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace carousel {

using nlohmann::ordered_json;

void CountStep(const TrainingStepFigures& figures, double seconds,
               RunState* state) {
  ++state->step;
  ++state->interval_steps;
  state->tokens += figures.targets;
  state->interval_tokens += figures.targets;
  state->interval_loss += figures.loss * static_cast<double>(figures.targets);
  state->interval_gradient_norm += figures.gradient_norm;
  state->interval_seconds += seconds;
}

ordered_json TakeIntervalMetrics(const TrainingTask& task, float learning_rate,
                                 RunState* state) {
  const auto tokens = static_cast<double>(state->interval_tokens);
  const auto steps = static_cast<double>(state->interval_steps);
  const double loss = state->interval_loss / std::max(1.0, tokens);
  ordered_json metrics = {
      {"step", state->step},
      {"epoch", static_cast<double>(state->step) /
                    static_cast<double>(task.steps_per_epoch())},
      {"tokens", state->tokens},
      {"loss", loss}};
  if (task.has_perplexity()) metrics["perplexity"] = std::exp(loss);
  metrics["learning_rate"] = learning_rate;
  metrics["gradient_norm"] =
      state->interval_gradient_norm / std::max(1.0, steps);
  metrics["tokens_per_s"] = tokens / std::max(1e-9, state->interval_seconds);
  metrics["seconds"] = state->seconds;
  state->interval_steps = 0;
  state->interval_tokens = 0;
  state->interval_loss = 0;
  state->interval_gradient_norm = 0;
  state->interval_seconds = 0;
  return metrics;
}

ordered_json DevMetrics(const DevFigures& figures, const RunState& state) {
  ordered_json metrics = {{"step", state.step}, {"dev_loss", figures.loss}};
  for (const auto& [name, value] : figures.others) {
    metrics[absl::StrCat("dev_", name)] = value;
  }
  metrics["seconds"] = state.seconds;
  return metrics;
}

std::string DescribeDev(const DevFigures& figures) {
  std::string text = absl::StrFormat("dev loss %.4f", figures.loss);
  for (const auto& [name, value] : figures.others) {
    absl::StrAppendFormat(&text, ", %s %.4g", name, value);
  }
  return text;
}

std::string OtherFigures(const DevFigures& figures) {
  ordered_json json = ordered_json::object();
  for (const auto& [name, value] : figures.others) json[name] = value;
  return json.dump();
}

}  // namespace carousel
