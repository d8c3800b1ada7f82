// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/forecasting.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/bundle/series_scale.h"
#include "model/tasks/forecast_walk.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

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
                          absl::Span<const float> history) {
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
  return CheckFinite("history", history, series);
}

// Of the interval that is looked at.
constexpr float kLowLevel = 0.1f;
constexpr float kHighLevel = 0.9f;

// Sums for one horizon.
struct Sums {
  double squares = 0;
  double sizes = 0;
  int64_t elements = 0;
  int64_t within = 0;  // the interval
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
    const ForecastWalk walk = {
        .first_row = measure_.first_row,
        .steps = steps_,
        .least_steps = *std::min_element(measure_.horizons.begin(),
                                         measure_.horizons.end()),
        .on_progress = measure_.on_progress};
    RETURN_IF_ERROR(CheckRoom());
    RETURN_IF_ERROR(
        WalkForecasts(network_, values_, walk,
                      [&](int64_t row, absl::Span<const float> forecast) {
                        for (size_t h = 0; h < sums_.size(); ++h) {
                          AddErrors(row, forecast, h);
                        }
                      }));
    return Means();
  }

 private:
  absl::Status CheckRoom() const {
    const int64_t first =
        std::max<int64_t>(measure_.first_row, network_.sizes().window);
    if (first + steps_ <= rows_) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "series: expected at least ", first + steps_, " rows for a horizon of ",
        steps_, " from row ", first, " on, found ", rows_));
  }

  bool HasInterval(int64_t horizon) const {
    return measure_.quantiles != nullptr &&
           horizon <= measure_.quantiles->steps &&
           measure_.quantiles->Covers(kLowLevel) &&
           measure_.quantiles->Covers(kHighLevel);
  }

  void AddErrors(int64_t row, absl::Span<const float> forecast, size_t h) {
    const int64_t horizon = measure_.horizons[h];
    if (row + horizon > rows_) return;
    Sums& sums = sums_[h];
    const bool has_interval = HasInterval(horizon);
    const float* came = values_.data() + row * series_;
    for (int step = 0; step < horizon; ++step) {
      for (int series : measured_) {
        const int64_t place = step * series_ + series;
        const double residual =
            double{came[place]} - forecast[static_cast<size_t>(place)];
        sums.squares += residual * residual;
        sums.sizes += std::abs(residual);
        sums.within += has_interval && IsWithin(residual, step, series);
      }
    }
    sums.elements += horizon * static_cast<int64_t>(measured_.size());
    ++sums.forecasts;
  }

  bool IsWithin(double residual, int step, int series) const {
    const ResidualQuantiles& quantiles = *measure_.quantiles;
    return quantiles.At(step, series, kLowLevel) <= residual &&
           residual <= quantiles.At(step, series, kHighLevel);
  }

  std::vector<ForecastErrors> Means() const {
    std::vector<ForecastErrors> errors;
    for (size_t h = 0; h < sums_.size(); ++h) {
      const auto elements = static_cast<double>(sums_[h].elements);
      ForecastErrors& error =
          errors.emplace_back(ForecastErrors{.horizon = measure_.horizons[h],
                                             .mse = sums_[h].squares / elements,
                                             .mae = sums_[h].sizes / elements,
                                             .n = sums_[h].forecasts});
      if (HasInterval(error.horizon)) {
        error.coverage_80 = static_cast<double>(sums_[h].within) / elements;
      }
    }
    return errors;
  }

  const Forecaster& network_;
  const absl::Span<const float> values_;  // (rows, series)
  const ForecastMeasure& measure_;
  const int64_t series_;
  const int steps_;  // the longest horizon
  const int64_t rows_;
  std::vector<int> measured_;
  std::vector<Sums> sums_;  // by horizon
};

}  // namespace

absl::Status CheckSteps(const Model& model, int steps) {
  const int most = MostSteps(model.forecaster().network->sizes());
  if (steps >= 1 && steps <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("horizon: expected 1 to ", most, ", found ", steps));
}

absl::StatusOr<std::vector<float>> ReadWindow(const Model& model,
                                              absl::Span<const float> history) {
  const ForecasterSizes& sizes = model.forecaster().network->sizes();
  RETURN_IF_ERROR(CheckHistory(sizes, history));
  const auto series = static_cast<size_t>(sizes.series());
  const size_t window = static_cast<size_t>(sizes.window) * series;
  std::vector<float> read = Normalise(model.manifest().forecaster().series,
                                      history.subspan(history.size() - window));
  RETURN_IF_ERROR(CheckFinite("history, in standard deviations", read, series));
  return read;
}

absl::StatusOr<std::vector<absl::StatusOr<std::vector<float>>>> ForecastWindows(
    const Model& model, absl::Span<const absl::Span<const float>> windows,
    int steps, Forecaster::Look look, Forecaster::Workspace* workspace) {
  const Forecaster& network = *model.forecaster().network;
  const auto series = static_cast<size_t>(network.sizes().series());
  const size_t of_forecast = static_cast<size_t>(steps) * series;
  std::vector<float> all;
  for (const auto& window : windows) {
    all.insert(all.end(), window.begin(), window.end());
  }
  std::vector<float> found(windows.size() * of_forecast);
  RETURN_IF_ERROR(network.Forecast(all, static_cast<int>(windows.size()), steps,
                                   absl::MakeSpan(found), workspace, &look));
  std::vector<absl::StatusOr<std::vector<float>>> results;
  for (size_t n = 0; n < windows.size(); ++n) {
    std::vector<float> forecast = Denormalise(
        model.manifest().forecaster().series,
        absl::MakeConstSpan(found).subspan(n * of_forecast, of_forecast));
    // The network's self-test was finite, so the history is what is wrong.
    absl::Status status =
        CheckFinite("forecast of this history", forecast, series);
    if (status.ok()) {
      results.push_back(std::move(forecast));
    } else {
      results.push_back(std::move(status));
    }
  }
  return results;
}

absl::StatusOr<std::vector<float>> Forecast(const Model& model,
                                            absl::Span<const float> history,
                                            int steps) {
  if (steps == 0) steps = model.forecaster().network->sizes().horizon;
  RETURN_IF_ERROR(CheckSteps(model, steps));
  ASSIGN_OR_RETURN(const std::vector<float> window, ReadWindow(model, history));
  Forecaster::Workspace workspace;
  ASSIGN_OR_RETURN(
      auto forecasts,
      ForecastWindows(
          model, {window}, steps, [] { return absl::OkStatus(); }, &workspace));
  return std::move(forecasts.front());
}

absl::Status CheckQuantileSteps(const Model& model, int steps) {
  const auto& quantiles = model.forecaster().quantiles;
  if (!quantiles.has_value()) {
    return absl::FailedPreconditionError(
        "the model has no quantiles: its errors were never measured "
        "(`carousel-train calibrate` measures them)");
  }
  if (steps <= quantiles->steps) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the model's errors were measured for ", quantiles->steps,
      " steps: expected a horizon of at most that where quantiles are asked "
      "for, found ",
      steps));
}

absl::Status CheckQuantileLevel(const Model& model, double level) {
  const ResidualQuantiles& quantiles = *model.forecaster().quantiles;
  // Written so that a NaN is refused.
  if (quantiles.Covers(static_cast<float>(level))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "expected a level from ", quantiles.levels.front(), " to ",
      quantiles.levels.back(), ", as they were measured, found ", level));
}

std::vector<double> ForecastQuantile(const Model& model,
                                     absl::Span<const float> forecast,
                                     double level) {
  const ResidualQuantiles& quantiles = *model.forecaster().quantiles;
  const auto& scales = model.manifest().forecaster().series;
  std::vector<double> result;
  result.reserve(forecast.size());
  for (size_t i = 0; i < forecast.size(); ++i) {
    const size_t series = i % scales.size();
    const double residual =
        quantiles.At(static_cast<int>(i / scales.size()),
                     static_cast<int>(series), static_cast<float>(level));
    result.push_back(forecast[i] +
                     residual * scales[series].standard_deviation);
  }
  return result;
}

std::string ForecastErrors::ToJson() const {
  nlohmann::ordered_json json = {{"task", "forecaster"},
                                 {"mse", mse},
                                 {"mae", mae},
                                 {"horizon", horizon},
                                 {"n", n}};
  if (coverage_80.has_value()) json["coverage_80"] = *coverage_80;
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
