// SPDX-License-Identifier: Apache-2.0

#include "server/core/forecast.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/base/quote.h"
#include "model/base/round_trip.h"
#include "model/base/status_macros.h"
#include "model/tasks/forecasting.h"
#include "server/core/errors.h"
#include "server/core/forecast_times.h"
#include "server/core/model_choice.h"
#include "server/core/times.h"

namespace carousel {
namespace {

constexpr ServiceModels kModels = {.task = Task::kForecaster,
                                   .preferred = "forecast"};

constexpr int kMostLevels = 32;

// Steps that are made one from the other, unless the model was made for more: a
// worker does nothing else meanwhile.
constexpr int kMostStepsInTurn = 4096;

// Names of a model that an error lists.
constexpr size_t kMostNames = 20;

// What is asked of a model, checked.
struct Plan {
  ModelHandle handle;
  std::vector<size_t> places;  // in the model, of each series of the history
  int steps = 0;
  std::vector<double> levels;
  std::vector<absl::Time> times;  // of the forecast
};

std::string HistoryField(int i) { return absl::StrCat("history[", i, "]"); }

// What bounds the work of everything else.
absl::Status CheckSize(const v1::ForecastRequest& request) {
  if (request.history().empty()) {
    return InvalidField("history", "expected the model's series, found none");
  }
  const int steps = request.history(0).values_size();
  if (steps > ForecasterSizes::kMostSteps) {
    return InvalidField("history", absl::StrCat("expected at most ",
                                                ForecasterSizes::kMostSteps,
                                                " steps, found ", steps));
  }
  int64_t values = 0;
  for (int i = 0; i < request.history_size(); ++i) {
    const int own = request.history(i).values_size();
    values += own;
    if (own == steps) continue;
    return InvalidField(HistoryField(i) + ".values",
                        absl::StrCat("expected ", steps,
                                     " steps, as many as "
                                     "the first series has, found ",
                                     own));
  }
  if (values > kMostSeriesValues) {
    return InvalidField("history",
                        absl::StrCat("expected at most ", kMostSeriesValues,
                                     " values, found ", values));
  }
  if (!request.timestamps().empty() && request.timestamps_size() != steps) {
    return InvalidField("timestamps",
                        absl::StrCat("expected none, or one for each of the ",
                                     steps, " steps of the history, found ",
                                     request.timestamps_size()));
  }
  if (request.quantiles_size() > kMostLevels) {
    return InvalidField(
        "quantiles", absl::StrCat("expected at most ", kMostLevels, ", found ",
                                  request.quantiles_size()));
  }
  return absl::OkStatus();
}

std::string NamesText(const std::vector<SeriesScale>& scales) {
  std::string text;
  for (size_t i = 0; i < std::min(scales.size(), kMostNames); ++i) {
    absl::StrAppend(&text, i > 0 ? ", " : "", QuoteForMessage(scales[i].name));
  }
  if (scales.size() > kMostNames) {
    absl::StrAppend(&text, " and ", scales.size() - kMostNames, " more");
  }
  return text;
}

// The place in the model of each series of the history.
absl::StatusOr<std::vector<size_t>> FindSeries(
    const v1::ForecastRequest& request,
    const std::vector<SeriesScale>& scales) {
  absl::flat_hash_map<absl::string_view, size_t> places;
  for (size_t i = 0; i < scales.size(); ++i) places[scales[i].name] = i;
  std::vector<bool> seen(scales.size());
  std::vector<size_t> found;
  for (int i = 0; i < request.history_size(); ++i) {
    const std::string& name = request.history(i).name();
    const bool is_only = scales.size() == 1 && name.empty();
    const auto place = places.find(is_only ? scales[0].name : name);
    const std::string field = HistoryField(i) + ".name";
    if (place == places.end()) {
      return InvalidField(
          field,
          absl::StrCat("expected one of the model's series, ",
                       NamesText(scales), ", found ", QuoteForMessage(name)));
    }
    if (seen[place->second]) {
      return InvalidField(
          field, absl::StrCat("expected another name for each series, found ",
                              QuoteForMessage(name), " twice"));
    }
    seen[place->second] = true;
    found.push_back(place->second);
  }
  const auto missing = std::find(seen.begin(), seen.end(), false);
  if (missing == seen.end()) return found;
  const auto place = static_cast<size_t>(missing - seen.begin());
  return InvalidField(
      "history", absl::StrCat("expected all of the model's series, found no ",
                              QuoteForMessage(scales[place].name)));
}

absl::Status CheckValues(const v1::ForecastRequest& request) {
  constexpr double kMost = std::numeric_limits<float>::max();
  for (int i = 0; i < request.history_size(); ++i) {
    const auto& values = request.history(i).values();
    for (int step = 0; step < values.size(); ++step) {
      // Written so that a NaN is refused.
      if (std::abs(values[step]) <= kMost) continue;
      return InvalidField(absl::StrCat(HistoryField(i), ".values[", step, "]"),
                          absl::StrCat("expected a finite value of at most ",
                                       kMost, ", found ", values[step]));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int> StepsOf(const v1::ForecastRequest& request,
                            const Model& model) {
  const ForecasterSizes& sizes = model.forecaster().network->sizes();
  const int steps = request.has_horizon() ? request.horizon() : sizes.horizon;
  if (absl::Status status = CheckSteps(model, steps); !status.ok()) {
    return AboutField("horizon", std::move(status));
  }
  if (const int most = std::max(sizes.horizon, kMostStepsInTurn);
      steps > most) {
    return InvalidField(
        "horizon", absl::StrCat("expected at most ", most, ", found ", steps));
  }
  const int64_t values =
      int64_t{steps} * sizes.series() * (1 + request.quantiles_size());
  if (values <= kMostSeriesValues) return steps;
  return InvalidField(
      "horizon", absl::StrCat("expected at most ", kMostSeriesValues,
                              " values with all series and quantiles, found ",
                              values, ", of ", steps, " steps"));
}

absl::StatusOr<std::vector<double>> LevelsOf(const v1::ForecastRequest& request,
                                             const Model& model, int steps) {
  const std::vector<double> levels(request.quantiles().begin(),
                                   request.quantiles().end());
  if (levels.empty()) return levels;
  RETURN_IF_ERROR(CheckQuantileSteps(model, steps));
  for (size_t i = 0; i < levels.size(); ++i) {
    const absl::Status status = CheckQuantileLevel(model, levels[i]);
    if (status.ok()) continue;
    return InvalidField(absl::StrCat("quantiles[", i, "]"), status.message());
  }
  return levels;
}

absl::StatusOr<Plan> MakePlan(const v1::ForecastRequest& request,
                              ModelHandle handle) {
  const Model& model = *handle.model;
  const ForecasterManifest& manifest = model.manifest().forecaster();
  Plan plan;
  ASSIGN_OR_RETURN(plan.places, FindSeries(request, manifest.series));
  RETURN_IF_ERROR(CheckValues(request));
  ASSIGN_OR_RETURN(plan.steps, StepsOf(request, model));
  ASSIGN_OR_RETURN(plan.levels, LevelsOf(request, model, plan.steps));
  ASSIGN_OR_RETURN(plan.times, TimesAfter(request.timestamps(),
                                          manifest.interval, plan.steps));
  plan.handle = std::move(handle);
  return plan;
}

// The last steps of the history, as many as the window has, in the model's
// order: (steps, series).
std::vector<float> LastSteps(const v1::ForecastRequest& request,
                             const Plan& plan) {
  const int all = request.history(0).values_size();
  const int window = plan.handle.model->forecaster().network->sizes().window;
  const int count = std::min(all, window);
  const size_t series = plan.places.size();
  std::vector<float> steps(static_cast<size_t>(count) * series);
  for (size_t c = 0; c < series; ++c) {
    const auto& values = request.history(static_cast<int>(c)).values();
    for (int step = 0; step < count; ++step) {
      steps[static_cast<size_t>(step) * series + plan.places[c]] =
          static_cast<float>(values[all - count + step]);
    }
  }
  return steps;
}

v1::ForecastResponse ToResponse(const Plan& plan,
                                const std::vector<float>& forecast) {
  v1::ForecastResponse response;
  SetModel(plan.handle, response.mutable_model());
  const Model& model = *plan.handle.model;
  std::vector<std::vector<double>> quantiles;
  for (double level : plan.levels) {
    quantiles.push_back(ForecastQuantile(model, forecast, level));
  }
  const size_t series = plan.places.size();
  for (size_t place : plan.places) {
    v1::SeriesForecast* message = response.add_series();
    message->set_name(model.manifest().forecaster().series[place].name);
    for (size_t i = place; i < forecast.size(); i += series) {
      message->add_values(RoundTrip(forecast[i]));
    }
    for (size_t q = 0; q < quantiles.size(); ++q) {
      v1::ForecastQuantile* quantile = message->add_quantiles();
      quantile->set_level(plan.levels[q]);
      for (size_t i = place; i < forecast.size(); i += series) {
        quantile->add_values(RoundTrip(static_cast<float>(quantiles[q][i])));
      }
    }
  }
  for (absl::Time time : plan.times) {
    *response.add_timestamps() = ToTimestamp(time);
  }
  return response;
}

// What is left to be wrong is what stands in the history.
absl::Status WithField(absl::Status status) {
  if (!absl::IsInvalidArgument(status)) return status;
  return AboutField("history", std::move(status));
}

}  // namespace

void ForecastCore::Forecast(const v1::ForecastRequest& request,
                            CallContext context,
                            CallDone<v1::ForecastResponse> done) const {
  if (absl::Status status = CheckSize(request); !status.ok()) {
    return std::move(done)(std::move(status), {});
  }
  absl::StatusOr<ModelHandle> handle =
      ChooseModel(*repository_, request.model(), kModels);
  if (!handle.ok()) return std::move(done)(handle.status(), {});
  const int64_t version = handle->version;
  absl::StatusOr<Plan> plan = MakePlan(request, *std::move(handle));
  if (!plan.ok()) return std::move(done)(plan.status(), {.version = version});

  ForecastJob job;
  job.model = plan->handle.model;
  job.history = LastSteps(request, *plan);
  job.steps = plan->steps;
  job.deadline = context.deadline;
  job.cancelled = std::move(context.cancelled);
  job.done = [plan = *std::move(plan), done = std::move(done)](
                 absl::StatusOr<std::vector<float>> forecast,
                 const JobReport& its) mutable {
    const CallReport report = ReportOf(its, plan.handle.version);
    if (!forecast.ok()) {
      return std::move(done)(WithField(forecast.status()), report);
    }
    std::move(done)(ToResponse(plan, *forecast), report);
  };
  engine_->Submit(std::move(job));
}

}  // namespace carousel
