// SPDX-License-Identifier: Apache-2.0
//
// How sure a forecaster is: the empirical quantiles of its residuals.
//
// Method. From every step of a dev part (what was not trained on) at which the
// model's horizon fits, a forecast is made, and its residuals are taken, what
// came less what was forecast. Each step k of the horizon and each series by
// itself: of its n residuals, sorted, the i-th smallest is the quantile of the
// level i / (n + 1), between two of them linear (Hyndman and Fan 1996, type 6).
// That is the level that a residual which comes next stays below with that
// probability, if it is as likely to come in any place among the others. Those
// are measured on a grid of levels, 0.01, 0.025, 0.05, 0.10, 0.15 ... 0.95,
// 0.975, 0.99, without those that would take more residuals than there are. A
// quantile of the forecast is the forecast plus that of the residuals: the
// interval is as wide as errors were, at this distance, whatever the window
// says, and no wider at times that are hard to foresee.
//
// The residuals of neighbouring forecasts resemble each other, so that n of
// them say less than n that are independent; and a future that is unlike the
// dev part has other errors. MeasureForecasts says how many values lie between
// two quantiles on any data.

#ifndef CAROUSEL_MODEL_TASKS_FORECAST_RESIDUALS_H_
#define CAROUSEL_MODEL_TASKS_FORECAST_RESIDUALS_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/bundle/model.h"
#include "model/bundle/residual_quantiles.h"

namespace carousel {

// Fewer do not say where nine tenths of them lie.
inline constexpr int64_t kLeastForecasts = 9;

struct ResidualMeasure {
  // Forecasts are for steps from this one on; their windows may lie before.
  int64_t first_row = 0;

  // Called with the share that is done; returns whether to go on. May be empty.
  std::function<bool(double done)> on_progress = {};
};

struct MeasuredResiduals {
  ResidualQuantiles quantiles;

  // n. Of a long part with a long horizon every second forecast, or every
  // third ... is taken, so that at most 2^26 residuals are held.
  int64_t forecasts = 0;
};

// The quantiles of a network's residuals on `values` (rows, series), which are
// in its units. INVALID_ARGUMENT, with what is needed, for fewer forecasts than
// kLeastForecasts, and for values that have a residual that is not finite;
// CANCELLED if `on_progress` says so. Blocks; as long as an evaluation.
absl::StatusOr<MeasuredResiduals> MeasureResiduals(
    const Forecaster& network, absl::Span<const float> values,
    const ResidualMeasure& measure);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_FORECAST_RESIDUALS_H_
