// SPDX-License-Identifier: Apache-2.0
//
// Figures of forecasts, drawn by gnuplot: as text for a terminal, or to a file.

#ifndef CAROUSEL_CLIENT_CLI_FORECAST_FIGURE_H_
#define CAROUSEL_CLIENT_CLI_FORECAST_FIGURE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/cli/forecast_view.h"

namespace carousel {

// The gnuplot script that draws `view` as text, in colours: history and
// forecast as points, the interval as bars, no line longer than `columns`.
std::string TerminalScript(const ForecastView& view, int columns);

// The one that draws the views, one below the other, to `path`, an SVG file or,
// if it ends in ".png", a PNG file.
std::string FileScript(absl::Span<const ForecastView> views,
                       const std::string& path);

// What the first gives. NOT_FOUND if gnuplot is not installed.
absl::StatusOr<std::string> DrawText(const ForecastView& view, int columns);

// Draws to `path`, which is replaced at once or not at all. NOT_FOUND if
// gnuplot is not installed; INVALID_ARGUMENT for more than 16 series;
// FAILED_PRECONDITION if the file cannot be written. REQUIRES: a view.
absl::Status DrawFile(absl::Span<const ForecastView> views,
                      const std::string& path);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_FORECAST_FIGURE_H_
