// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/series_scale.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"

namespace carousel {

absl::StatusOr<SeriesTable> ParseSeries(const JsonField& field) {
  SeriesTable table;
  ASSIGN_OR_RETURN(const auto steps, field.Elements());
  if (steps.empty()) return field.Expected("at least one step");
  table.steps = static_cast<int>(steps.size());
  for (const JsonField& step : steps) {
    ASSIGN_OR_RETURN(const auto numbers, step.Elements());
    if (table.series == 0) table.series = static_cast<int>(numbers.size());
    if (numbers.empty() ||
        numbers.size() != static_cast<size_t>(table.series)) {
      return step.Expected("a number for every series");
    }
    for (const JsonField& number : numbers) {
      ASSIGN_OR_RETURN(const double value, number.Number());
      // Written so that a NaN is refused.
      if (!(std::abs(value) <= std::numeric_limits<float>::max())) {
        return number.Expected("a number that a float can hold");
      }
      table.values.push_back(static_cast<float>(value));
    }
  }
  return table;
}

nlohmann::ordered_json SeriesJson(absl::Span<const float> values, int series) {
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  const auto width = static_cast<size_t>(series);
  for (size_t i = 0; i < values.size(); i += width) {
    const absl::Span<const float> step = values.subspan(i, width);
    steps.push_back(std::vector<float>(step.begin(), step.end()));
  }
  return steps;
}

std::vector<float> Normalise(absl::Span<const SeriesScale> scales,
                             absl::Span<const float> values) {
  CAROUSEL_CHECK(values.size() % scales.size() == 0);
  std::vector<float> result(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const SeriesScale& scale = scales[i % scales.size()];
    result[i] =
        static_cast<float>((values[i] - scale.mean) / scale.standard_deviation);
  }
  return result;
}

std::vector<float> Denormalise(absl::Span<const SeriesScale> scales,
                               absl::Span<const float> values) {
  CAROUSEL_CHECK(values.size() % scales.size() == 0);
  std::vector<float> result(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const SeriesScale& scale = scales[i % scales.size()];
    result[i] =
        static_cast<float>(values[i] * scale.standard_deviation + scale.mean);
  }
  return result;
}

std::vector<float> WaveWindow(absl::Span<const SeriesScale> scales, int steps) {
  constexpr float kStepsOfAWave = 24;
  std::vector<float> window;
  for (int step = 0; step < steps; ++step) {
    const float angle =
        2 * static_cast<float>(M_PI) * static_cast<float>(step) / kStepsOfAWave;
    window.insert(window.end(), scales.size(), std::sin(angle));
  }
  return Denormalise(scales, window);
}

}  // namespace carousel
