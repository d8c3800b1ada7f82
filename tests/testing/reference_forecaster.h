// SPDX-License-Identifier: Apache-2.0
//
// The forecaster as loops over its equations, in double: slow, obvious, the
// judge of the one that serves and the one that trains.

#ifndef CAROUSEL_TESTS_TESTING_REFERENCE_FORECASTER_H_
#define CAROUSEL_TESTS_TESTING_REFERENCE_FORECASTER_H_

#include <vector>

#include "model/layers/forecaster.h"
#include "tests/testing/reference_recurrent.h"

namespace carousel {

struct ReferenceForecaster {
  ForecasterSizes sizes;
  std::vector<Doubles> weights;  // in the order of WeightSpecs

  ReferenceStack Stack() const {
    return {.sizes = sizes.rnn,
            .weights = {weights.begin(), weights.end() - 2},
            .masks = {},
            .weight_masks = {}};
  }

  Doubles Output(const Doubles& features) const {
    Doubles out = Times(weights[weights.size() - 2], features);
    for (size_t i = 0; i < out.size(); ++i) out[i] += weights.back()[i];
    return out;
  }

  // What comes out for steps of inputs (less the last value, if that is
  // wanted): of the direct mode once, else after every step from T on.
  std::vector<Doubles> Run(const std::vector<Doubles>& x) const {
    const ReferenceStack stack = Stack();
    auto states = stack.ZeroStates();
    const std::vector<uint8_t> resets(x.size());
    std::vector<Doubles> y = stack.Run(x, resets, 0, 1, &states);
    const auto hidden = static_cast<size_t>(sizes.rnn.hidden);
    for (size_t i = hidden; sizes.rnn.bidirectional && i < 2 * hidden; ++i) {
      y.back()[i] = y.front()[i];
    }
    std::vector<Doubles> outputs;
    for (size_t t = static_cast<size_t>(sizes.window) - 1; t < y.size(); ++t) {
      outputs.push_back(Output(y[t]));
    }
    return outputs;
  }

  // The steps (T, C) of a window, less `*last`, which is set.
  std::vector<Doubles> Inputs(const Doubles& window, Doubles* last) const {
    const auto series = static_cast<size_t>(sizes.series());
    last->assign(series, 0);
    if (sizes.subtract_last) {
      last->assign(window.end() - static_cast<long>(series), window.end());
    }
    std::vector<Doubles> x;
    for (size_t t = 0; t < static_cast<size_t>(sizes.window); ++t) {
      x.emplace_back();
      for (size_t c = 0; c < series; ++c) {
        x.back().push_back(window[t * series + c] - (*last)[c]);
      }
    }
    return x;
  }

  // (steps, C) after a window (T, C); step by step it reads its own forecasts.
  Doubles Forecast(const Doubles& window, size_t steps) const {
    const auto series = static_cast<size_t>(sizes.series());
    Doubles last;
    std::vector<Doubles> x = Inputs(window, &last);
    Doubles forecast;
    while (forecast.size() < steps * series) {
      const Doubles out = Run(x).back();
      forecast.insert(forecast.end(), out.begin(), out.end());
      x.push_back(out);
    }
    forecast.resize(steps * series);
    for (size_t i = 0; i < forecast.size(); ++i) {
      forecast[i] += last[i % series];
    }
    return forecast;
  }

  // (K, C), step by step each from the true values before it.
  Doubles ForcedForecast(const Doubles& window, const Doubles& target) const {
    const auto series = static_cast<size_t>(sizes.series());
    if (sizes.mode == ForecastMode::kDirect) {
      return Forecast(window, static_cast<size_t>(sizes.horizon));
    }
    Doubles last;
    std::vector<Doubles> x = Inputs(window, &last);
    for (size_t k = 0; k + 1 < static_cast<size_t>(sizes.horizon); ++k) {
      x.emplace_back();
      for (size_t c = 0; c < series; ++c) {
        x.back().push_back(target[k * series + c] - last[c]);
      }
    }
    Doubles forecast;
    for (const Doubles& out : Run(x)) {
      for (size_t c = 0; c < series; ++c) forecast.push_back(out[c] + last[c]);
    }
    return forecast;
  }
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_REFERENCE_FORECASTER_H_
