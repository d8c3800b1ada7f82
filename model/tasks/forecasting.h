// SPDX-License-Identifier: Apache-2.0
//
// Series in, forecast out, and how sure it is; and how far forecasts are from
// what came. What is served is what is measured.

#ifndef CAROUSEL_MODEL_TASKS_FORECASTING_H_
#define CAROUSEL_MODEL_TASKS_FORECASTING_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/bundle/model.h"
#include "model/bundle/residual_quantiles.h"

namespace carousel {

// How many steps a model forecasts: all that are asked for, but for a direct
// forecaster no more than its horizon. INVALID_ARGUMENT for fewer than 1 or
// more; REQUIRES (all of a Model here): the model's task is kForecaster.
absl::Status CheckSteps(const Model& model, int steps);

// The last window of `history` (steps, series), which is in the units of the
// data, in those of the network. INVALID_ARGUMENT: a history that is too short,
// is no whole number of steps, or holds a value that is not finite or so far
// from the series' mean that nothing can be computed with it.
absl::StatusOr<std::vector<float>> ReadWindow(const Model& model,
                                              absl::Span<const float> history);

// The `steps` steps after each of `windows`, which are what ReadWindow gives:
// (steps, series) in the units of the data, or INVALID_ARGUMENT if they are not
// finite. `look` is asked every few steps; its error ends the computation.
// REQUIRES: CheckSteps.
absl::StatusOr<std::vector<absl::StatusOr<std::vector<float>>>> ForecastWindows(
    const Model& model, absl::Span<const absl::Span<const float>> windows,
    int steps, Forecaster::Look look, Forecaster::Workspace* workspace);

// All of this for one history. Steps: as many as the model's horizon if 0.
absl::StatusOr<std::vector<float>> Forecast(const Model& model,
                                            absl::Span<const float> history,
                                            int steps);

// Whether quantiles of a forecast of so many steps can be said. A level is in
// them what it is in a float, so that 0.1 is one that was measured at 0.1.
// FAILED_PRECONDITION: the bundle has none, or not for so many steps (those
// beyond its horizon, which a forecaster can make step by step, were never
// measured). INVALID_ARGUMENT: a level that is not within those that were
// measured, with their bounds.
absl::Status CheckQuantileSteps(const Model& model, int steps);
absl::Status CheckQuantileLevel(const Model& model, double level);

// The quantile of that level of the forecast (steps, series) `forecast`, both
// in the units of the data. REQUIRES: the two above.
std::vector<double> ForecastQuantile(const Model& model,
                                     absl::Span<const float> forecast,
                                     double level);

struct ForecastMeasure {
  // Forecasts are for steps from this one on; their windows may lie before.
  int64_t first_row = 0;

  // Each is measured by itself over its own first steps: 24 is the mean over 24
  // steps. 1 to the model's of a direct forecaster, else to kMostSteps.
  std::vector<int> horizons = {};

  // The series that are measured, by their place; empty: all.
  std::vector<int> series = {};

  // Of the model, to see how many values lie between two of them. May be null.
  const ResidualQuantiles* quantiles = nullptr;

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

  // Share of the values that lie between the quantiles 0.1 and 0.9, so about
  // 0.8 if errors are as they were where the quantiles were measured. Nothing
  // without quantiles, or for more steps than they have.
  std::optional<double> coverage_80 = {};

  // {"task":"forecaster","mse":...,"mae":...,"horizon":24,"n":...}, and
  // "coverage_80" if it is known
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
