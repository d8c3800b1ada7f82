// SPDX-License-Identifier: Apache-2.0

#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/manifest_fields.h"
#include "model/bundle/series_scale.h"
#include "model/bundle/task_format.h"

namespace carousel {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kMaxSteps = ForecasterSizes::kMostSteps;
constexpr size_t kMaxSeries = 65536;

// Dividing by less than a normal float gives little but infinity.
constexpr double kLeastDeviation = std::numeric_limits<float>::min();

// Of seconds. Times are counted in billionths of one.
constexpr double kLeastInterval = 1e-6;

constexpr absl::string_view kModes[] = {"direct", "step_by_step"};

const ForecasterManifest& Fields(const TaskManifest& manifest) {
  return *std::get_if<ForecasterManifest>(&manifest);
}

absl::StatusOr<double> ParseReal(const JsonField& parent,
                                 absl::string_view name) {
  ASSIGN_OR_RETURN(const JsonField field, parent.Get(name));
  ASSIGN_OR_RETURN(const double value, field.Number());
  if (!(std::abs(value) <= std::numeric_limits<float>::max())) {
    return field.Expected("a number that a float can hold");
  }
  return value;
}

absl::StatusOr<std::vector<SeriesScale>> ParseScales(const JsonField& root) {
  ASSIGN_OR_RETURN(const JsonField field, root.Get("series"));
  ASSIGN_OR_RETURN(const auto elements, field.Elements());
  if (elements.empty() || elements.size() > kMaxSeries) {
    return field.Expected(absl::StrCat("1 to ", kMaxSeries, " series"));
  }
  std::vector<SeriesScale> scales;
  std::set<std::string> seen;
  for (const JsonField& element : elements) {
    SeriesScale scale;
    ASSIGN_OR_RETURN(const JsonField name, element.Get("name"));
    ASSIGN_OR_RETURN(scale.name, name.String());
    if (scale.name.empty() || !seen.insert(scale.name).second) {
      return name.Expected("a name that is not empty or repeated");
    }
    ASSIGN_OR_RETURN(scale.mean, ParseReal(element, "mean"));
    ASSIGN_OR_RETURN(scale.standard_deviation,
                     ParseReal(element, "standard_deviation"));
    if (!(scale.standard_deviation >= kLeastDeviation)) {
      ASSIGN_OR_RETURN(const JsonField deviation,
                       element.Get("standard_deviation"));
      return deviation.Expected(
          absl::StrCat("a number of at least ", kLeastDeviation));
    }
    scales.push_back(std::move(scale));
  }
  return scales;
}

absl::StatusOr<ForecasterSizes> ParseNetwork(const JsonField& network,
                                             int series) {
  ForecasterSizes sizes;
  ASSIGN_OR_RETURN(sizes.rnn, ParseStack(network, "rnn", series));
  ASSIGN_OR_RETURN(sizes.window, ParseSize(network, "window", kMaxSteps));
  ASSIGN_OR_RETURN(sizes.horizon, ParseSize(network, "horizon", kMaxSteps));
  ASSIGN_OR_RETURN(const size_t mode, ParseChoice(network, "mode", kModes));
  sizes.mode = static_cast<ForecastMode>(mode);
  ASSIGN_OR_RETURN(sizes.subtract_last,
                   ParseOptionalFlag(network, "subtract_last"));
  return sizes;
}

// The member `name`: a table of so many steps.
absl::StatusOr<std::vector<float>> ParseTable(const JsonField& parent,
                                              absl::string_view name, int steps,
                                              int series) {
  ASSIGN_OR_RETURN(const JsonField field, parent.Get(name));
  ASSIGN_OR_RETURN(SeriesTable table, ParseSeries(field));
  if (table.steps != steps) {
    return field.Expected(absl::StrCat(steps, " steps"));
  }
  if (table.series != series) {
    ASSIGN_OR_RETURN(const auto elements, field.Elements());
    return elements.front().Expected(
        absl::StrCat(series, " numbers, one for each series"));
  }
  return std::move(table.values);
}

// In the units of the data.
absl::StatusOr<std::vector<float>> Forecast(const ForecasterParts& parts,
                                            const ForecasterManifest& manifest,
                                            absl::Span<const float> window) {
  const ForecasterSizes& sizes = manifest.sizes;
  std::vector<float> forecast(static_cast<size_t>(sizes.horizon) *
                              static_cast<size_t>(sizes.series()));
  Forecaster::Workspace workspace;
  RETURN_IF_ERROR(parts.network->Forecast(
      Normalise(manifest.series, window), 1, sizes.horizon,
      absl::MakeSpan(forecast), &workspace));
  return Denormalise(manifest.series, forecast);
}

absl::Status RunCase(const ForecasterParts& parts,
                     const ForecasterManifest& manifest, size_t number,
                     double tolerance) {
  const ForecasterManifest::Case& test = manifest.self_test[number];
  ASSIGN_OR_RETURN(const std::vector<float> forecast,
                   Forecast(parts, manifest, test.window));
  const size_t series = manifest.series.size();
  for (size_t i = 0; i < forecast.size(); ++i) {
    const SeriesScale& scale = manifest.series[i % series];
    const double difference =
        (double{forecast[i]} - test.forecast[i]) / scale.standard_deviation;
    // Written so that a NaN on either side fails.
    if (std::abs(difference) <= tolerance) continue;
    return absl::DataLossError(absl::StrCat(
        "self-test case ", number, ": step ", i / series + 1, " of ",
        QuoteForMessage(scale.name), ": expected ", test.forecast[i],
        " within ", tolerance, " standard deviations, found ", forecast[i]));
  }
  return absl::OkStatus();
}

// A step that no calendar has is refused, and one so long that times overflow.
absl::StatusOr<TimeStep> ParseInterval(const JsonField& root) {
  constexpr int64_t kMostMonths = 12 * 1000;
  constexpr double kMostSeconds = 86400.0 * 366 * 1000;
  ASSIGN_OR_RETURN(const JsonField field, root.Get("interval"));
  if (field.Has("months") && field.Has("seconds")) {
    return field.Expected("months or seconds, not both");
  }
  if (field.Has("months")) {
    ASSIGN_OR_RETURN(const JsonField months, field.Get("months"));
    ASSIGN_OR_RETURN(const int64_t count, months.Integer(1, kMostMonths));
    return TimeStep{.months = static_cast<int>(count)};
  }
  ASSIGN_OR_RETURN(const JsonField seconds, field.Get("seconds"));
  ASSIGN_OR_RETURN(const double count, seconds.Number());
  if (!(count >= kLeastInterval && count <= kMostSeconds)) {
    return seconds.Expected(
        absl::StrCat("a number from ", kLeastInterval, " to ", kMostSeconds));
  }
  return TimeStep{.time = absl::Seconds(count)};
}

ordered_json IntervalJson(const TimeStep& interval) {
  if (interval.months > 0) return {{"months", interval.months}};
  const double seconds = absl::ToDoubleSeconds(interval.time);
  // An integer is written as one.
  const auto whole = static_cast<int64_t>(seconds);
  if (static_cast<double>(whole) == seconds) return {{"seconds", whole}};
  return {{"seconds", seconds}};
}

class Format : public TaskFormat {
 public:
  absl::StatusOr<TaskManifest> ParseFields(
      const JsonField& root) const override {
    ForecasterManifest manifest;
    ASSIGN_OR_RETURN(manifest.series, ParseScales(root));
    ASSIGN_OR_RETURN(const JsonField network, root.Get("network"));
    ASSIGN_OR_RETURN(
        manifest.sizes,
        ParseNetwork(network, static_cast<int>(manifest.series.size())));
    if (root.Has("interval")) {
      ASSIGN_OR_RETURN(manifest.interval, ParseInterval(root));
    }
    return manifest;
  }

  absl::Status ParseCase(const JsonField& field,
                         TaskManifest* manifest) const override {
    auto& fields = *std::get_if<ForecasterManifest>(manifest);
    const ForecasterSizes& sizes = fields.sizes;
    ForecasterManifest::Case result;
    ASSIGN_OR_RETURN(result.window,
                     ParseTable(field, "window", sizes.window, sizes.series()));
    ASSIGN_OR_RETURN(
        result.forecast,
        ParseTable(field, "forecast", sizes.horizon, sizes.series()));
    fields.self_test.push_back(std::move(result));
    return absl::OkStatus();
  }

  void AddFields(const TaskManifest& manifest,
                 ordered_json* document) const override {
    const ForecasterManifest& fields = Fields(manifest);
    const auto mode = static_cast<size_t>(fields.sizes.mode);
    (*document)["network"] = {{"rnn", StackJson(fields.sizes.rnn)},
                              {"window", fields.sizes.window},
                              {"horizon", fields.sizes.horizon},
                              {"mode", std::string(kModes[mode])},
                              {"subtract_last", fields.sizes.subtract_last}};
    ordered_json series = ordered_json::array();
    for (const SeriesScale& scale : fields.series) {
      series.push_back({{"name", scale.name},
                        {"mean", scale.mean},
                        {"standard_deviation", scale.standard_deviation}});
    }
    (*document)["series"] = std::move(series);
    if (fields.interval.has_value()) {
      (*document)["interval"] = IntervalJson(*fields.interval);
    }
  }

  ordered_json CasesJson(const TaskManifest& manifest) const override {
    const ForecasterManifest& fields = Fields(manifest);
    const int series = fields.sizes.series();
    ordered_json cases = ordered_json::array();
    for (const auto& test : fields.self_test) {
      cases.push_back({{"window", SeriesJson(test.window, series)},
                       {"forecast", SeriesJson(test.forecast, series)}});
    }
    return cases;
  }

  std::vector<VocabularyFile> Vocabularies(const TaskManifest&) const override {
    return {};
  }

  absl::StatusOr<std::vector<WeightSpec>> Specs(
      const TaskManifest& manifest) const override {
    return WeightSpecs(Fields(manifest).sizes);
  }

  absl::StatusOr<ModelParts> MakeParts(const TaskManifest& manifest,
                                       std::vector<Tokenizer>,
                                       absl::Span<const Tensor> weights,
                                       const PartsOptions&) const override {
    ASSIGN_OR_RETURN(std::unique_ptr<const Forecaster> network,
                     Forecaster::Create(Fields(manifest).sizes, weights));
    return ForecasterParts{std::move(network)};
  }

  absl::Status LoadExtras(const std::string& directory,
                          const Manifest& manifest,
                          ModelParts* parts) const override {
    if (!manifest.files.contains(kQuantilesFile)) return absl::OkStatus();
    ASSIGN_OR_RETURN(std::get_if<ForecasterParts>(parts)->quantiles,
                     LoadResidualQuantiles(JoinPath(directory, kQuantilesFile),
                                           manifest.forecaster().sizes));
    return absl::OkStatus();
  }

  NetworkFacts Facts(const ModelParts& parts) const override {
    const ForecasterParts& own = *std::get_if<ForecasterParts>(&parts);
    size_t bytes = own.network->memory_bytes();
    if (own.quantiles.has_value()) {
      bytes += own.quantiles->residuals.size() * sizeof(float);
    }
    return {own.network->Implementation(), bytes};
  }

  absl::Status MakeCases(const ModelParts& parts, const SelfTestInputs& inputs,
                         TaskManifest* manifest) const override {
    auto& fields = *std::get_if<ForecasterManifest>(manifest);
    const size_t size = static_cast<size_t>(fields.sizes.window) *
                        static_cast<size_t>(fields.sizes.series());
    if (inputs.windows.empty()) {
      return absl::InvalidArgumentError(
          "self-test: expected at least one window, found none");
    }
    fields.self_test.clear();
    for (const std::vector<float>& window : inputs.windows) {
      if (window.size() != size) {
        return absl::InvalidArgumentError(
            absl::StrCat("self-test: expected windows of ", size,
                         " numbers, found ", window.size()));
      }
      ASSIGN_OR_RETURN(
          std::vector<float> forecast,
          Forecast(*std::get_if<ForecasterParts>(&parts), fields, window));
      for (float value : forecast) {
        if (std::isfinite(value)) continue;
        return absl::InvalidArgumentError(absl::StrCat(
            "self-test: expected a finite forecast, found ", value));
      }
      fields.self_test.push_back({window, std::move(forecast)});
    }
    return absl::OkStatus();
  }

  absl::Status RunCases(const ModelParts& parts, const TaskManifest& manifest,
                        double tolerance) const override {
    for (size_t i = 0; i < Fields(manifest).self_test.size(); ++i) {
      RETURN_IF_ERROR(RunCase(*std::get_if<ForecasterParts>(&parts),
                              Fields(manifest), i, tolerance));
    }
    return absl::OkStatus();
  }

  SelfTestInputs DefaultInputs(const TaskManifest& manifest,
                               absl::Span<const Tokenizer>) const override {
    const ForecasterManifest& fields = Fields(manifest);
    return {.windows = {WaveWindow(fields.series, fields.sizes.window)}};
  }
};

}  // namespace

const TaskFormat& ForecasterFormat() {
  static const Format format;
  return format;
}

}  // namespace carousel
