// SPDX-License-Identifier: Apache-2.0
//
// Forecasts from many places of series that are known to their end, so that
// they can be compared with what came.

#ifndef CAROUSEL_MODEL_TASKS_FORECAST_WALK_H_
#define CAROUSEL_MODEL_TASKS_FORECAST_WALK_H_

#include <cstdint>
#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/bundle/model.h"

namespace carousel {

struct ForecastWalk {
  // Forecasts are for steps from this one on; their windows may lie before.
  int64_t first_row = 0;

  // A forecast from every `stride`-th step.
  int64_t stride = 1;

  // Of each forecast; and how many of them must lie within the series.
  int steps = 1;
  int least_steps = 1;

  // Called with the share that is done; returns whether to go on. May be empty.
  std::function<bool(double done)> on_progress = {};
};

// How many forecasts a walk over so many rows makes, at least 0.
int64_t CountForecasts(const ForecasterSizes& sizes, int64_t rows,
                       const ForecastWalk& walk);

// Calls `visit` with the row that a forecast begins at, and the forecast
// (steps, series), in their order. `values` (rows, series) are in the units of
// the network. CANCELLED if `on_progress` says so. REQUIRES: the network
// forecasts so many steps; 1 <= least_steps <= steps; stride >= 1.
using VisitForecast =
    absl::FunctionRef<void(int64_t row, absl::Span<const float> forecast)>;
absl::Status WalkForecasts(const Forecaster& network,
                           absl::Span<const float> values,
                           const ForecastWalk& walk, VisitForecast visit);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_FORECAST_WALK_H_
