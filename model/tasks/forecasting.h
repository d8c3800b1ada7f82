// SPDX-License-Identifier: Apache-2.0
//
// Series in, forecast out; and how far forecasts are from what came. What is
// served is what is measured.

#ifndef CAROUSEL_MODEL_TASKS_FORECASTING_H_
#define CAROUSEL_MODEL_TASKS_FORECASTING_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/bundle/model.h"

namespace carousel {

// The `steps` steps after `history` (steps, series), both in the units of the
// data; as many as the model's horizon if 0. Of the history the last window is
// read. INVALID_ARGUMENT: a history that is too short, is no whole number of
// steps, or holds a value that is not finite or so far from the series' mean
// that nothing can be computed with it; negative steps, more than a direct
// forecaster gives, or more than ForecasterSizes::kMostSteps. REQUIRES: the
// model's task is kForecaster.
absl::StatusOr<std::vector<float>> Forecast(const Model& model,
                                            absl::Span<const float> history,
                                            int steps);

struct ForecastMeasure {
  // Forecasts are for steps from this one on; their windows may lie before.
  int64_t first_row = 0;

  // Each is measured by itself over its own first steps: 24 is the mean over 24
  // steps. 1 to the model's of a direct forecaster, else to kMostSteps.
  std::vector<int> horizons = {};

  // The series that are measured, by their place; empty: all.
  std::vector<int> series = {};

  // Called with the share that is done; returns whether to go on. May be empty.
  std::function<bool(double done)> on_progress = {};
};

// Mean errors over n forecasts, in the units of the network: standard
// deviations of the training part.
struct ForecastErrors {
  int horizon = 0;
  double mse = 0;
  double mae = 0;
  int64_t n = 0;

  // {"task":"forecaster","mse":...,"mae":...,"horizon":24,"n":...}
  std::string ToJson() const;
};

// Forecasts from every step at which a horizon fits into `values` (rows,
// series), which are in the units of the network, and compares. One of each
// horizon, in their order; CANCELLED if `on_progress` says so.
// INVALID_ARGUMENT if a horizon fits nowhere, with what is needed, and for a
// horizon or series that the model does not have.
absl::StatusOr<std::vector<ForecastErrors>> MeasureForecasts(
    const Forecaster& network, absl::Span<const float> values,
    const ForecastMeasure& measure);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_FORECASTING_H_
