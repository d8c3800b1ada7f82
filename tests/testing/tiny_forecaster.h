// SPDX-License-Identifier: Apache-2.0
//
// A forecaster of a few kilobytes with random weights: what it says means
// nothing, but it is always the same.

#ifndef CAROUSEL_TESTS_TESTING_TINY_FORECASTER_H_
#define CAROUSEL_TESTS_TESTING_TINY_FORECASTER_H_

#include <string>
#include <vector>

#include "model/base/check.h"
#include "model/base/random.h"
#include "model/bundle/series_scale.h"
#include "model/bundle/writer.h"

namespace carousel {

// Two series, a window of 6 steps, a horizon of 3.
inline ForecasterSizes TinyForecasterSizes(
    ForecastMode mode = ForecastMode::kDirect) {
  return {.rnn = {.cell = Cell::kGru, .inputs = 2, .hidden = 4, .layers = 1},
          .window = 6,
          .horizon = 3,
          .mode = mode,
          .subtract_last = true};
}

inline BundleContent TinyForecaster(ForecastMode mode = ForecastMode::kDirect) {
  BundleContent content;
  const ForecasterSizes sizes = TinyForecasterSizes(mode);
  const std::vector<SeriesScale> scales = {{"load", 100, 20},
                                           {"heat", -3, 0.5}};
  content.manifest.model =
      ForecasterManifest{.sizes = sizes, .series = scales, .self_test = {}};
  const auto specs = WeightSpecs(sizes);
  CAROUSEL_CHECK(specs.ok());
  for (const WeightSpec& spec : *specs) {
    Random random(11, content.weights.size());
    Tensor tensor = Tensor::Zeros(DType::kF32, spec.shape);
    for (float& value : tensor.mutable_span<float>()) {
      value = random.Uniform(-1, 1);
    }
    content.weights.push_back(std::move(tensor));
  }
  content.stored_type = DType::kF32;
  content.card = "# A tiny forecaster\n\nRandom weights, for tests.\n";
  content.self_test_windows = {WaveWindow(scales, sizes.window)};
  return content;
}

// Residuals of -1, 0 and 1 deviations in the first step, at the levels 0.1, 0.5
// and 0.9; twice and three times of that in the next.
inline ResidualQuantiles TinyQuantiles() {
  ResidualQuantiles quantiles = {
      .steps = 3, .series = 2, .levels = {0.1f, 0.5f, 0.9f}};
  for (const float step : {1.0f, 1.0f, 2.0f, 2.0f, 3.0f, 3.0f}) {
    for (const float residual : {-step, 0.0f, step}) {
      quantiles.residuals.push_back(residual);
    }
  }
  return quantiles;
}

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_TINY_FORECASTER_H_
