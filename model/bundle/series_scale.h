// SPDX-License-Identifier: Apache-2.0
//
// Series between the units of the data and those of the network, and as JSON.

#ifndef CAROUSEL_MODEL_BUNDLE_SERIES_SCALE_H_
#define CAROUSEL_MODEL_BUNDLE_SERIES_SCALE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/bundle/manifest.h"
#include "model/weights/strict_json.h"

namespace carousel {

// Steps of one or more series, side by side.
struct SeriesTable {
  int steps = 0;
  int series = 0;
  std::vector<float> values;  // (steps, series)
};

// A list of steps, each a list of numbers, as many for every step.
// INVALID_ARGUMENT naming the field, for lists of other forms, none, and
// numbers that a float cannot hold.
absl::StatusOr<SeriesTable> ParseSeries(const JsonField& field);
nlohmann::ordered_json SeriesJson(absl::Span<const float> values, int series);

// (value - mean) / standard deviation of each of `values` (steps, series), and
// back. REQUIRES: a whole number of steps.
std::vector<float> Normalise(absl::Span<const SeriesScale> scales,
                             absl::Span<const float> values);
std::vector<float> Denormalise(absl::Span<const SeriesScale> scales,
                               absl::Span<const float> values);

// `steps` steps of a wave about the mean of every series: a window that says
// nothing of any data.
std::vector<float> WaveWindow(absl::Span<const SeriesScale> scales, int steps);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_SERIES_SCALE_H_
