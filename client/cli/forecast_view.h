// SPDX-License-Identifier: Apache-2.0
//
// What is shown of a forecast: the numbers as text, and for each series what a
// figure is drawn from.

#ifndef CAROUSEL_CLIENT_CLI_FORECAST_VIEW_H_
#define CAROUSEL_CLIENT_CLI_FORECAST_VIEW_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "carousel/v1/forecast.pb.h"
#include "client/cpp/client.h"

namespace carousel {

// One series: the end of its history, then its forecast.
struct ForecastView {
  struct Interval {
    std::vector<double> low;
    std::vector<double> high;
    double low_level = 0;
    double high_level = 0;
  };

  std::string name = {};
  std::vector<double> history = {};
  std::vector<double> forecast = {};
  std::optional<Interval> interval =
      {};  // of the outermost quantiles, if several

  // Of all of them, history and forecast; empty: unknown.
  std::vector<absl::Time> times = {};
};

// A view of each series of the response. Of the history (whose series are those
// of the response, in its order) as much is shown as helps to see what goes on:
// three times the horizon, 24 steps at least.
std::vector<ForecastView> MakeViews(const SeriesHistory& history,
                                    const v1::ForecastResponse& response);

// A table of each series: a line a step, with the forecast and each quantile.
// Columns are aligned and separated by blanks.
std::string FormatForecast(const v1::ForecastResponse& response);

// The times as short as they can be told apart: "1949-01" if all are beginnings
// of months, "2016-07-01", or with the time of day.
std::vector<std::string> TimeTexts(absl::Span<const absl::Time> times);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_FORECAST_VIEW_H_
