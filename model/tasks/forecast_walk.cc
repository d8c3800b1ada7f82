// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/forecast_walk.h"

#include <algorithm>
#include <vector>

#include "model/base/status_macros.h"

namespace carousel {
namespace {

// Windows that are run together.
constexpr int64_t kRows = 64;

int64_t FirstRow(const ForecasterSizes& sizes, const ForecastWalk& walk) {
  return std::max<int64_t>(walk.first_row, sizes.window);
}

}  // namespace

int64_t CountForecasts(const ForecasterSizes& sizes, int64_t rows,
                       const ForecastWalk& walk) {
  const int64_t places = rows - FirstRow(sizes, walk) - walk.least_steps + 1;
  return std::max<int64_t>(0, (places + walk.stride - 1) / walk.stride);
}

absl::Status WalkForecasts(const Forecaster& network,
                           absl::Span<const float> values,
                           const ForecastWalk& walk, VisitForecast visit) {
  const ForecasterSizes& sizes = network.sizes();
  const int64_t series = sizes.series();
  const int64_t of_window = sizes.window * series;
  const int64_t of_forecast = walk.steps * series;
  const int64_t forecasts =
      CountForecasts(sizes, static_cast<int64_t>(values.size()) / series, walk);
  Forecaster::Workspace workspace;
  std::vector<float> windows;
  std::vector<float> results;
  for (int64_t done = 0; done < forecasts;) {
    const int64_t count = std::min(kRows, forecasts - done);
    windows.resize(static_cast<size_t>(count * of_window));
    results.resize(static_cast<size_t>(count * of_forecast));
    const int64_t first = FirstRow(sizes, walk) + done * walk.stride;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = first + i * walk.stride;
      std::copy_n(values.data() + (row - sizes.window) * series, of_window,
                  windows.data() + i * of_window);
    }
    RETURN_IF_ERROR(network.Forecast(windows, static_cast<int>(count),
                                     walk.steps, absl::MakeSpan(results),
                                     &workspace));
    for (int64_t i = 0; i < count; ++i) {
      visit(first + i * walk.stride, {results.data() + i * of_forecast,
                                      static_cast<size_t>(of_forecast)});
    }
    done += count;
    const double share =
        static_cast<double>(done) / static_cast<double>(forecasts);
    if (walk.on_progress && !walk.on_progress(share)) {
      return absl::CancelledError("the evaluation was stopped");
    }
  }
  return absl::OkStatus();
}

}  // namespace carousel
