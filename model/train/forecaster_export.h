// SPDX-License-Identifier: Apache-2.0
//
// The bundle at the end of a forecaster's training run.

#ifndef CAROUSEL_MODEL_TRAIN_FORECASTER_EXPORT_H_
#define CAROUSEL_MODEL_TRAIN_FORECASTER_EXPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/base/series_time.h"
#include "model/bundle/manifest.h"
#include "model/train/forecaster_config.h"
#include "model/train/run_checkpoint.h"

namespace carousel {

// A file of series, ready for training.
struct PreparedSeries {
  std::vector<SeriesScale> scales;  // (C), of the training rows
  std::vector<float> values;        // (rows, C), by these scales
  std::optional<TimeStep> interval = {};
  int64_t rows = 0;
  int64_t train_rows = 0;
  int64_t dev_rows = 0;
  std::string sha256;  // of the file

  // Windows whose targets lie in the training rows, too; below 1 if none fits.
  int64_t train_windows(const ForecasterSizes& sizes) const {
    return train_rows - sizes.window - sizes.horizon + 1;
  }
};

struct ForecasterExport {
  const ForecasterConfig& config;
  const PreparedSeries& data;
  const RunState& state;
  std::string weights_path;  // safetensors with the names of WeightSpecs
  double epochs = 0;
  std::string directory;  // .../NAME/VERSION
};

// What was read, as JSON.
std::string SeriesRecord(const ForecasterConfig& config,
                         const PreparedSeries& data);

// Measures how sure the network is on the dev part, if that is long enough
// (model/tasks/forecast_residuals.h), and writes the bundle. Errors as
// WriteBundle. Nothing of the series gets into the bundle but their names,
// means, standard deviations, the interval of their times and the quantiles of
// the residuals.
absl::Status ExportForecaster(const ForecasterExport& bundle);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_FORECASTER_EXPORT_H_
