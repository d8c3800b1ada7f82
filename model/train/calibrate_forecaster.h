// SPDX-License-Identifier: Apache-2.0
//
// Lets a forecaster say how sure it is: measures the quantiles of its residuals
// (model/tasks/forecast_residuals.h) on data that it was not trained on, and
// writes a bundle that has them. What it forecasts stays.

#ifndef CAROUSEL_MODEL_TRAIN_CALIBRATE_FORECASTER_H_
#define CAROUSEL_MODEL_TRAIN_CALIBRATE_FORECASTER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/base/series_file.h"
#include "model/tasks/forecast_residuals.h"
#include "model/train/progress.h"

namespace carousel {

struct CalibrateForecasterOptions {
  std::string bundle;  // .../NAME/VERSION, of a forecaster
  std::string data;    // a CSV file with the model's series

  // Of the file; the columns are the model's.
  std::string time_column = "";
  bool check_times = true;

  // Forecasts are for rows from this one on; their windows may lie before.
  int64_t first_row = 0;

  std::string out;               // .../NAME/VERSION, must not be there
  Progress* progress = nullptr;  // not null
};

struct ForecasterCalibration {
  MeasuredResiduals residuals;
  std::optional<TimeStep> interval;  // of the file's times
  std::string file = {};             // the data, without its folder
  std::string sha256 = {};

  // One JSON object: levels, how many forecasts, file.
  std::string ToJson() const;
};

// Blocks; as long as an evaluation. INVALID_ARGUMENT if the bundle is no
// forecaster; errors of Model::Load, ReadSeriesFile and MeasureResiduals.
absl::StatusOr<ForecasterCalibration> MeasureForecasterCalibration(
    const CalibrateForecasterOptions& options);

// Writes the bundle with those quantiles in place of any that it had, and says
// so in its training record and its card. Where the bundle does not know the
// interval of its times, it has the file's.
absl::Status WriteCalibratedForecaster(
    const CalibrateForecasterOptions& options,
    const ForecasterCalibration& calibration);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_CALIBRATE_FORECASTER_H_
