// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/forecasting.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/bundle/series_scale.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

// Windows that are run together.
constexpr int64_t kRows = 64;

// Steps that may be asked for.
int MostSteps(const ForecasterSizes& sizes) {
  return sizes.mode == ForecastMode::kDirect ? sizes.horizon
                                             : ForecasterSizes::kMostSteps;
}

// Each of `values` (steps, series), which are `what`, is finite.
absl::Status CheckFinite(absl::string_view what, absl::Span<const float> values,
                         size_t series) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": step ", i / series,
                     ": expected a finite value, found ", values[i]));
  }
  return absl::OkStatus();
}

absl::Status CheckHistory(const ForecasterSizes& sizes,
                          absl::Span<const float> history, int steps) {
  const auto series = static_cast<size_t>(sizes.series());
  if (history.size() % series != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("history: expected steps of ", series, " values, found ",
                     history.size(), " values"));
  }
  if (history.size() / series < static_cast<size_t>(sizes.window)) {
    return absl::InvalidArgumentError(
        absl::StrCat("history: expected at least ", sizes.window,
                     " steps, found ", history.size() / series));
  }
  RETURN_IF_ERROR(CheckFinite("history", history, series));
  const int most = MostSteps(sizes);
  if (steps < 0 || steps > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("steps: expected 0 to ", most, ", found ", steps));
  }
  return absl::OkStatus();
}

// Sums for one horizon.
struct Sums {
  double squares = 0;
  double sizes = 0;
  int64_t elements = 0;
  int64_t forecasts = 0;
};

class Measurer {
 public:
  Measurer(const Forecaster& network, absl::Span<const float> values,
           const ForecastMeasure& measure)
      : network_(network),
        values_(values),
        measure_(measure),
        series_(network.sizes().series()),
        window_(network.sizes().window),
        steps_(*std::max_element(measure.horizons.begin(),
                                 measure.horizons.end())),
        rows_(static_cast<int64_t>(values.size()) / series_),
        measured_(measure.series),
        sums_(measure.horizons.size()) {
    if (measured_.empty()) {
      measured_.resize(static_cast<size_t>(series_));
      std::iota(measured_.begin(), measured_.end(), 0);
    }
  }

  absl::StatusOr<std::vector<ForecastErrors>> Run() {
    const int shortest =
        *std::min_element(measure_.horizons.begin(), measure_.horizons.end());
    RETURN_IF_ERROR(CheckRoom());
    const int64_t begin = First();
    const int64_t end = rows_ - shortest + 1;
    for (int64_t at = begin; at < end; at += kRows) {
      RETURN_IF_ERROR(RunBatch(at, std::min(kRows, end - at)));
      const double done =
          static_cast<double>(at - begin) / static_cast<double>(end - begin);
      if (measure_.on_progress && !measure_.on_progress(done)) {
        return absl::CancelledError("the evaluation was stopped");
      }
    }
    return Means();
  }

 private:
  int64_t First() const { return std::max(measure_.first_row, window_); }

  absl::Status CheckRoom() const {
    if (First() + steps_ <= rows_) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("series: expected at least ", First() + steps_,
                     " rows for a horizon of ", steps_, " from row ", First(),
                     " on, found ", rows_));
  }

  // Forecasts of `count` neighbouring steps, the first of which begins at `at`.
  absl::Status RunBatch(int64_t at, int64_t count) {
    windows_.resize(static_cast<size_t>(count * window_ * series_));
    forecasts_.resize(static_cast<size_t>(count * steps_ * series_));
    for (int64_t i = 0; i < count; ++i) {
      const float* from = values_.data() + (at + i - window_) * series_;
      std::copy_n(from, window_ * series_,
                  windows_.data() + i * window_ * series_);
    }
    RETURN_IF_ERROR(network_.Forecast(windows_, static_cast<int>(count), steps_,
                                      absl::MakeSpan(forecasts_), &workspace_));
    for (int64_t i = 0; i < count; ++i) {
      for (size_t h = 0; h < sums_.size(); ++h) AddErrors(at, i, h);
    }
    return absl::OkStatus();
  }

  void AddErrors(int64_t at, int64_t i, size_t h) {
    const int64_t horizon = measure_.horizons[h];
    if (at + i + horizon > rows_) return;
    Sums& sums = sums_[h];
    const float* expected = values_.data() + (at + i) * series_;
    const float* found = forecasts_.data() + i * steps_ * series_;
    for (int64_t step = 0; step < horizon; ++step) {
      for (int series : measured_) {
        const int64_t place = step * series_ + series;
        const double error = double{found[place]} - expected[place];
        sums.squares += error * error;
        sums.sizes += std::abs(error);
      }
    }
    sums.elements += horizon * static_cast<int64_t>(measured_.size());
    ++sums.forecasts;
  }

  std::vector<ForecastErrors> Means() const {
    std::vector<ForecastErrors> errors;
    for (size_t h = 0; h < sums_.size(); ++h) {
      const auto elements = static_cast<double>(sums_[h].elements);
      errors.push_back({.horizon = measure_.horizons[h],
                        .mse = sums_[h].squares / elements,
                        .mae = sums_[h].sizes / elements,
                        .n = sums_[h].forecasts});
    }
    return errors;
  }

  const Forecaster& network_;
  const absl::Span<const float> values_;  // (rows, series)
  const ForecastMeasure& measure_;
  const int64_t series_;
  const int64_t window_;
  const int steps_;  // the longest horizon
  const int64_t rows_;
  std::vector<int> measured_;
  std::vector<Sums> sums_;  // by horizon
  Forecaster::Workspace workspace_;
  std::vector<float> windows_;
  std::vector<float> forecasts_;
};

}  // namespace

absl::StatusOr<std::vector<float>> Forecast(const Model& model,
                                            absl::Span<const float> history,
                                            int steps) {
  const ForecasterParts& parts = model.forecaster();
  const ForecasterSizes& sizes = parts.network->sizes();
  RETURN_IF_ERROR(CheckHistory(sizes, history, steps));
  if (steps == 0) steps = sizes.horizon;
  const auto series = static_cast<size_t>(sizes.series());
  const size_t window = static_cast<size_t>(sizes.window) * series;
  const auto& scales = model.manifest().forecaster().series;
  const std::vector<float> read =
      Normalise(scales, history.subspan(history.size() - window));
  RETURN_IF_ERROR(CheckFinite("history, in standard deviations", read, series));
  std::vector<float> forecast(static_cast<size_t>(steps) * series);
  Forecaster::Workspace workspace;
  RETURN_IF_ERROR(parts.network->Forecast(
      read, 1, steps, absl::MakeSpan(forecast), &workspace));
  forecast = Denormalise(scales, forecast);
  // The network's self-test was finite, so the history is what is wrong.
  RETURN_IF_ERROR(CheckFinite("forecast of this history", forecast, series));
  return forecast;
}

std::string ForecastErrors::ToJson() const {
  const nlohmann::ordered_json json = {{"task", "forecaster"},
                                       {"mse", mse},
                                       {"mae", mae},
                                       {"horizon", horizon},
                                       {"n", n}};
  return json.dump();
}

absl::StatusOr<std::vector<ForecastErrors>> MeasureForecasts(
    const Forecaster& network, absl::Span<const float> values,
    const ForecastMeasure& measure) {
  const ForecasterSizes& sizes = network.sizes();
  if (measure.horizons.empty()) {
    return absl::InvalidArgumentError("expected at least one horizon");
  }
  for (int horizon : measure.horizons) {
    const int most = MostSteps(sizes);
    if (horizon >= 1 && horizon <= most) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("horizon: expected 1 to ", most,
                     ", which is what the model forecasts, found ", horizon));
  }
  for (int series : measure.series) {
    if (series >= 0 && series < sizes.series()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "series: expected 0 to ", sizes.series() - 1, ", found ", series));
  }
  return Measurer(network, values, measure).Run();
}

}  // namespace carousel
