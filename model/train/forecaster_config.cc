// SPDX-License-Identifier: Apache-2.0
#include "model/train/forecaster_config.h"

#include "absl/strings/str_cat.h"

namespace carousel {
namespace {

constexpr double kMostRows = 1e12;

// What a run cannot change half-way.
void VisitFixed(ForecasterConfig* c, SettingsVisitor* v) {
  v->Text("data", "file", &c->file);
  v->Text("data", "time_column", &c->series.time_column);
  v->Texts("data", "columns", &c->series.columns);
  v->Bool("data", "check_times", &c->series.check_times);
  v->Number("data", "train_rows", &c->train_rows, 0, kMostRows);
  v->Number("data", "dev_rows", &c->dev_rows, 0, kMostRows);

  v->Number("forecaster", "window", &c->sizes.window, 1, 1 << 16);
  v->Number("forecaster", "horizon", &c->sizes.horizon, 1, 1 << 16);
  v->Enum("forecaster", "mode", &c->sizes.mode,
          {{"direct", ForecastMode::kDirect},
           {"step_by_step", ForecastMode::kStepByStep}});
  v->Bool("forecaster", "subtract_last", &c->sizes.subtract_last);

  StackSizes& rnn = c->sizes.rnn;
  VisitCell(&rnn.cell, v);
  v->Number("model", "hidden", &rnn.hidden, 1, 1 << 16);
  v->Number("model", "layers", &rnn.layers, 1, 64);
  v->Bool("model", "bidirectional", &rnn.bidirectional);
  v->Bool("model", "residual", &rnn.residual);

  v->Number("training", "rows", &c->rows, 1, 1 << 16);
  VisitFixed(&c->training, v);
}

void VisitChangeable(ForecasterConfig* c, SettingsVisitor* v) {
  v->Text("data", "directory", &c->data_directory);
  v->Enum("training", "loss", &c->network.loss,
          {{"squared", ForecastLoss::kSquared},
           {"absolute", ForecastLoss::kAbsolute},
           {"huber", ForecastLoss::kHuber}});
  v->Number("training", "huber_delta", &c->network.huber_delta, 1e-6, 1e6);
  VisitStackDropout("dropout_input", &c->network.dropout, v);
  VisitChangeable(&c->training, v);
  VisitChangeable(&c->bundle, v);
}

absl::Status CheckTogether(const ForecasterConfig& c) {
  if (c.file.empty()) {
    return absl::InvalidArgumentError("setting data.file: expected a file");
  }
  if (c.sizes.mode == ForecastMode::kStepByStep && c.sizes.rnn.bidirectional) {
    return absl::InvalidArgumentError(
        "setting model.bidirectional: expected false where forecaster.mode is "
        "\"step_by_step\": the next step cannot be read backwards");
  }
  if (c.dev_rows > 0 && c.dev_rows < c.sizes.horizon) {
    return absl::InvalidArgumentError(absl::StrCat(
        "setting data.dev_rows: expected 0 or at least forecaster.horizon, ",
        c.sizes.horizon, "; found ", c.dev_rows));
  }
  return CheckTogether(c.training);
}

}  // namespace

ForecasterConfig::ForecasterConfig() {
  sizes.rnn = {.cell = Cell::kGru, .hidden = 64, .layers = 1};
  sizes.window = 96;
  sizes.horizon = 24;
  sizes.subtract_last = true;
  training.trainer.clip_norm = 1;
  training.evaluate_every_steps = 100;
  training.patience = 10;
  // Small networks gain nothing by rounding their weights.
  bundle.stored_type = DType::kF32;
}

absl::StatusOr<ForecasterConfig> ParseForecasterConfig(
    absl::string_view json, absl::Span<const std::string> overrides) {
  return ParseConfig<ForecasterConfig>(json, overrides, VisitFixed,
                                       VisitChangeable, CheckTogether);
}

std::string SerialiseForecasterConfig(const ForecasterConfig& config) {
  return SerialiseConfig<ForecasterConfig>(config, VisitFixed, VisitChangeable);
}

absl::Status CheckCanResume(const ForecasterConfig& before,
                            const ForecasterConfig& after) {
  return CheckSameConfig<ForecasterConfig>(before, after, VisitFixed);
}

}  // namespace carousel
