// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/cli.h"
#include "client/cli/forecast_figure.h"
#include "client/cli/forecast_view.h"
#include "client/cli/json.h"
#include "client/cli/terminal.h"
#include "client/cli/utf8.h"
#include "model/base/series_file.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// Of what the server takes (v1.ForecastRequest); a model reads the end.
constexpr size_t kMostSteps = 65536;
constexpr size_t kMostValues = 262144;

// With less there is no room for an axis and a curve.
constexpr int kLeastColumns = 40;

absl::StatusOr<SeriesFile> ReadInput(const Options& options, Console& console) {
  const SeriesFileOptions series = {.time_column = options.time_column,
                                    .columns = options.columns};
  const std::string& path = options.arguments.front();
  if (path != "-") return ReadSeriesFile(path, series);
  return ReadSeries(
      "input",
      [&](std::string* line) -> absl::StatusOr<bool> {
        if (!std::getline(console.in, *line)) return false;
        *line = std::string(absl::StripSuffix(*line, "\r"));
        return true;
      },
      series);
}

// The end of the file, as much as a request may have.
SeriesHistory ToHistory(const SeriesFile& file) {
  const size_t series = file.columns.size();
  const auto rows = static_cast<size_t>(file.rows);
  const size_t shown =
      std::min({rows, kMostSteps, std::max<size_t>(1, kMostValues / series)});
  SeriesHistory history;
  for (size_t c = 0; c < series; ++c) {
    auto& own = history.series.emplace_back();
    own.name = file.columns[c];
    for (size_t row = rows - shown; row < rows; ++row) {
      own.values.push_back(file.values[row * series + c]);
    }
  }
  if (!file.times.empty()) {
    history.times.assign(file.times.end() - static_cast<std::ptrdiff_t>(shown),
                         file.times.end());
  }
  return history;
}

// A model without quantiles, or without any for so many steps, still forecasts.
// Who asks for some is told that there are none.
absl::StatusOr<v1::ForecastResponse> Ask(const SeriesHistory& history,
                                         const Options& options, Client& client,
                                         Console& console) {
  ForecastOptions asked = {.model = options.model,
                           .version = options.version,
                           .label = options.label,
                           .horizon = options.horizon,
                           .quantiles = {0.1, 0.9},
                           .timeout = options.timeout};
  if (options.quantiles.has_value()) asked.quantiles = *options.quantiles;
  absl::StatusOr<v1::ForecastResponse> response =
      client.Forecast(history, asked);
  if (options.quantiles.has_value() ||
      !absl::IsFailedPrecondition(response.status())) {
    return response;
  }
  console.err << "carousel: without an interval: "
              << Printable(response.status().message()) << "\n";
  asked.quantiles.clear();
  return client.Forecast(history, asked);
}

// A figure of each series; the numbers if there can be none.
void PrintFigures(const std::vector<ForecastView>& views,
                  const v1::ForecastResponse& response, Console& console) {
  const int columns = TerminalColumns(STDOUT_FILENO);
  for (const ForecastView& view : views) {
    const auto text = columns < kLeastColumns
                          ? absl::FailedPreconditionError("too narrow")
                          : DrawText(view, columns);
    if (!text.ok()) {
      console.err << "carousel: no figure: "
                  << Printable(text.status().message()) << "\n";
      console.out << FormatForecast(response);
      return;
    }
    console.out << *text;
  }
}

}  // namespace

absl::Status RunForecast(const Options& options, Client& client,
                         Console& console) {
  if (options.arguments.size() != 1) {
    return UsageError(
        absl::StrCat("expected one FILE.csv, or - for the input, found ",
                     options.arguments.size()));
  }
  ASSIGN_OR_RETURN(const SeriesFile file, ReadInput(options, console));
  const SeriesHistory history = ToHistory(file);
  ASSIGN_OR_RETURN(const v1::ForecastResponse response,
                   Ask(history, options, client, console));
  const std::vector<ForecastView> views = MakeViews(history, response);
  if (!options.figure.empty()) {
    RETURN_IF_ERROR(DrawFile(views, options.figure));
  }
  if (options.json) {
    ASSIGN_OR_RETURN(const std::string line,
                     JsonLine(response, options.arguments.front()));
    console.out << line;
  } else if (console.out_is_terminal) {
    PrintFigures(views, response, console);
  } else {
    console.out << FormatForecast(response);
  }
  return absl::OkStatus();
}

}  // namespace carousel
