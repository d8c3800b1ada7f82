// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/forecast_residuals.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/tasks/forecast_walk.h"

namespace carousel {
namespace {

constexpr int64_t kMostResiduals = int64_t{1} << 26;

// In thousandths, up to the median; the others mirror them.
constexpr int kGrid[] = {10,  25,  50,  100, 150, 200,
                         250, 300, 350, 400, 450, 500};

// Those of the grid that n residuals tell.
std::vector<double> LevelsFor(int64_t n) {
  std::vector<double> levels;
  for (int level : kGrid) {
    if (level * (n + 1) >= 1000) levels.push_back(level / 1000.0);
  }
  for (size_t i = levels.size() - 1; i-- > 0;) {
    levels.push_back(1 - levels[i]);
  }
  return levels;
}

// Of `sorted` residuals.
float QuantileOf(absl::Span<const float> sorted, double level) {
  const auto last = static_cast<double>(sorted.size() - 1);
  const double place =
      std::clamp(level * static_cast<double>(sorted.size() + 1) - 1, 0.0, last);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double share = place - static_cast<double>(below);
  return static_cast<float>(sorted[below] +
                            share * (double{sorted[above]} - sorted[below]));
}

// As many as can be held.
int64_t StrideFor(int64_t forecasts, int64_t of_forecast) {
  const int64_t most = std::max(kLeastForecasts, kMostResiduals / of_forecast);
  return std::max<int64_t>(1, (forecasts + most - 1) / most);
}

absl::Status TooFew(const ForecasterSizes& sizes, int64_t rows,
                    int64_t first_row) {
  const int64_t least = std::max<int64_t>(first_row, sizes.window) +
                        sizes.horizon + kLeastForecasts - 1;
  return absl::InvalidArgumentError(absl::StrCat(
      "series: expected at least ", least, " rows for ", kLeastForecasts,
      " forecasts of ", sizes.horizon, " steps from row ",
      std::max<int64_t>(first_row, sizes.window), " on, found ", rows));
}

// (K, C, n): those of each step and series lie together.
absl::StatusOr<std::vector<float>> CollectResiduals(
    const Forecaster& network, absl::Span<const float> values,
    const ForecastWalk& walk, int64_t n) {
  const int series = network.sizes().series();
  const int64_t of_forecast = int64_t{walk.steps} * series;
  std::vector<float> residuals(static_cast<size_t>(of_forecast * n));
  int64_t number = 0;
  bool finite = true;
  RETURN_IF_ERROR(WalkForecasts(
      network, values, walk, [&](int64_t row, absl::Span<const float> found) {
        const float* came = values.data() + row * series;
        for (int64_t i = 0; i < of_forecast; ++i) {
          const float residual = came[i] - found[static_cast<size_t>(i)];
          finite = finite && std::isfinite(residual);
          residuals[static_cast<size_t>(i * n + number)] = residual;
        }
        ++number;
      }));
  if (finite) return residuals;
  return absl::InvalidArgumentError(
      "series: a value is so far from the mean that its forecast is not "
      "finite");
}

}  // namespace

absl::StatusOr<MeasuredResiduals> MeasureResiduals(
    const Forecaster& network, absl::Span<const float> values,
    const ResidualMeasure& measure) {
  const ForecasterSizes& sizes = network.sizes();
  const int64_t rows = static_cast<int64_t>(values.size()) / sizes.series();
  ForecastWalk walk = {.first_row = measure.first_row,
                       .steps = sizes.horizon,
                       .least_steps = sizes.horizon,
                       .on_progress = measure.on_progress};
  walk.stride = StrideFor(CountForecasts(sizes, rows, walk),
                          int64_t{sizes.horizon} * sizes.series());
  const int64_t n = CountForecasts(sizes, rows, walk);
  if (n < kLeastForecasts) return TooFew(sizes, rows, measure.first_row);
  ASSIGN_OR_RETURN(std::vector<float> residuals,
                   CollectResiduals(network, values, walk, n));
  MeasuredResiduals result = {
      .quantiles = {.steps = sizes.horizon, .series = sizes.series()},
      .forecasts = n};
  const std::vector<double> levels = LevelsFor(n);
  result.quantiles.levels.assign(levels.begin(), levels.end());
  for (size_t at = 0; at < residuals.size(); at += static_cast<size_t>(n)) {
    const auto of_place =
        absl::MakeSpan(residuals).subspan(at, static_cast<size_t>(n));
    std::sort(of_place.begin(), of_place.end());
    for (double level : levels) {
      result.quantiles.residuals.push_back(QuantileOf(of_place, level));
    }
  }
  return result;
}

}  // namespace carousel
