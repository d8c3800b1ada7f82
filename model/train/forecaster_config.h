// SPDX-License-Identifier: Apache-2.0
//
// What `carousel-train forecaster` is told by its configuration file, with
// every default. README.md lists them.

#ifndef CAROUSEL_MODEL_TRAIN_FORECASTER_CONFIG_H_
#define CAROUSEL_MODEL_TRAIN_FORECASTER_CONFIG_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/layers/forecaster.h"
#include "model/layers/forecaster_grad.h"
#include "model/train/forecaster_data.h"
#include "model/train/training_settings.h"

namespace carousel {

struct ForecasterConfig {
  ForecasterConfig();

  // data. The file lies in `data_directory`, which is relative to the working
  // directory. Its first `train_rows` rows are trained on (0: all that dev does
  // not take), the next `dev_rows` decide when to stop; windows of dev may
  // reach back into the training rows.
  std::string data_directory = ".";
  std::string file;
  SeriesFileOptions series;
  int64_t train_rows = 0;
  int64_t dev_rows = 0;

  // model, forecaster; the number of series comes from the data.
  ForecasterSizes sizes;

  // training
  int rows = 32;  // N: windows of a batch
  ForecasterTraining network;
  TrainingSettings training;

  BundleSettings bundle;
};

// Reads a configuration, after the overrides (settings.h). INVALID_ARGUMENT as
// ReadSettings, and for settings that do not go together.
absl::StatusOr<ForecasterConfig> ParseForecasterConfig(
    absl::string_view json, absl::Span<const std::string> overrides = {});

// Every setting, defaults included, as JSON that parses to the same.
std::string SerialiseForecasterConfig(const ForecasterConfig& config);

// FAILED_PRECONDITION, naming the key, if a run begun with `before` cannot go
// on with `after`: they differ in data, batches or sizes.
absl::Status CheckCanResume(const ForecasterConfig& before,
                            const ForecasterConfig& after);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_FORECASTER_CONFIG_H_
