// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"
#include "model/bundle/series_scale.h"
#include "model/tasks/forecasting.h"
#include "model/train/evaluations.h"
#include "model/train/forecaster_data.h"
#include "model/train/threads.h"

namespace carousel {
namespace {

constexpr int kMostSteps = 1 << 16;

// The columns of the file that are the model's series, in its order. A model of
// one series continues whatever column is named.
std::vector<std::string> ColumnsToRead(const std::vector<SeriesScale>& scales,
                                       const std::vector<std::string>& asked) {
  if (scales.size() == 1 && asked.size() == 1) return asked;
  std::vector<std::string> columns;
  for (const SeriesScale& scale : scales) columns.push_back(scale.name);
  return columns;
}

// The places of the columns that are asked for; empty for all.
absl::StatusOr<std::vector<int>> MeasuredSeries(
    const std::vector<std::string>& columns,
    const std::vector<std::string>& asked) {
  std::vector<int> places;
  for (const std::string& name : asked) {
    const auto found = std::find(columns.begin(), columns.end(), name);
    if (found == columns.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--column: expected a series of the model, found \"", name, "\""));
    }
    places.push_back(static_cast<int>(found - columns.begin()));
  }
  return places;
}

absl::StatusOr<std::vector<int>> Horizons(const FlagValues& flags,
                                          int otherwise) {
  std::vector<int> horizons;
  for (const std::string& text : flags.GetAll("horizon")) {
    int steps = 0;
    if (!absl::SimpleAtoi(text, &steps) || steps < 1 || steps > kMostSteps) {
      return absl::InvalidArgumentError(
          absl::StrCat("--horizon: expected a number from 1 to ", kMostSteps,
                       ", found \"", text, "\""));
    }
    horizons.push_back(steps);
  }
  if (horizons.empty()) horizons.push_back(otherwise);
  return horizons;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> EvaluateForecasterBundle(
    const Evaluation& evaluation) {
  const FlagValues& flags = evaluation.flags;
  const Forecaster& network = *evaluation.model.forecaster().network;
  const std::vector<SeriesScale>& scales =
      evaluation.model.manifest().forecaster().series;
  const std::vector<std::string> asked = flags.GetAll("column");
  const std::vector<std::string> columns = ColumnsToRead(scales, asked);

  ForecastMeasure measure;
  ASSIGN_OR_RETURN(measure.horizons, Horizons(flags, network.sizes().horizon));
  ASSIGN_OR_RETURN(measure.series, MeasuredSeries(columns, asked));
  ASSIGN_OR_RETURN(
      measure.first_row,
      flags.GetCount("first_row", 0, std::numeric_limits<int>::max()));
  const auto& quantiles = evaluation.model.forecaster().quantiles;
  if (quantiles.has_value()) measure.quantiles = &*quantiles;
  measure.on_progress = [&](double done) {
    evaluation.progress->Show(absl::StrFormat("evaluated %.0f %%", done * 100));
    return true;
  };
  SeriesFileOptions options;
  options.time_column = flags.Get("time_column");
  options.columns = columns;
  ASSIGN_OR_RETURN(options.check_times, flags.GetBool("check_times", true));
  ASSIGN_OR_RETURN(const SeriesFile file,
                   ReadSeriesFile(flags.Get("data"), options));
  // The products are shared out, not the windows.
  SetThreads(evaluation.threads);
  ASSIGN_OR_RETURN(
      const std::vector<ForecastErrors> errors,
      MeasureForecasts(network, Normalise(scales, file.values), measure));
  std::vector<std::string> lines;
  for (const ForecastErrors& error : errors) lines.push_back(error.ToJson());
  return lines;
}

}  // namespace carousel
