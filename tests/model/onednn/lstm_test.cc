// SPDX-License-Identifier: Apache-2.0

#include "model/onednn/lstm.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "tests/testing/reference_language_model.h"

namespace carousel {
namespace {

struct RandomLayer {
  RandomLayer(int64_t inputs, int64_t hidden, uint64_t seed)
      : weight_ih(Values(4 * hidden * inputs, seed)),
        weight_hh(Values(4 * hidden * hidden, seed + 1)),
        bias_ih(Values(4 * hidden, seed + 2)),
        bias_hh(Values(4 * hidden, seed + 3)),
        layer(LstmLayer::Create(inputs, hidden,
                                {.weight_ih = weight_ih,
                                 .weight_hh = weight_hh,
                                 .bias_ih = bias_ih,
                                 .bias_hh = bias_hh})
                  .value()) {}

  static std::vector<float> Values(int64_t n, uint64_t seed) {
    Random random(seed);
    std::vector<float> values(static_cast<size_t>(n));
    for (float& value : values) value = random.Uniform(-0.7f, 0.7f);
    return values;
  }

  std::vector<float> weight_ih, weight_hh, bias_ih, bias_hh;
  std::unique_ptr<const LstmLayer> layer;
};

Doubles ToDoubles(absl::Span<const float> values) {
  return {values.begin(), values.end()};
}

// The recurrent primitive against loops over the equations, on shapes drawn at
// random, one step and one row among them.
TEST(LstmLayerTest, RandomShapesGiveWhatTheEquationsGive) {
  Executor executor;
  Random random(2026);
  for (int trial = 0; trial < 25; ++trial) {
    const auto draw = [&](uint64_t most) {
      return static_cast<int64_t>(1 + random.Below(most));
    };
    const int64_t steps = trial % 3 == 0 ? 1 : draw(9);
    const int64_t rows = trial % 4 == 0 ? 1 : draw(20);
    const int64_t inputs = draw(40), hidden = draw(70);
    SCOPED_TRACE(::testing::Message() << "T " << steps << " N " << rows << " I "
                                      << inputs << " H " << hidden);
    const RandomLayer random_layer(inputs, hidden, random.Bits());
    const auto x = RandomLayer::Values(steps * rows * inputs, random.Bits());
    const auto h_in = RandomLayer::Values(rows * hidden, random.Bits());
    const auto c_in = RandomLayer::Values(rows * hidden, random.Bits());
    std::vector<float> y(static_cast<size_t>(steps * rows * hidden));
    std::vector<float> h = h_in, c = c_in;
    ASSERT_TRUE(random_layer.layer
                    ->Forward({.steps = steps,
                               .rows = rows,
                               .x = x.data(),
                               .h_in = h.data(),
                               .c_in = c.data(),
                               .y = y.data(),
                               .h_out = h.data(),
                               .c_out = c.data()},
                              &executor)
                    .ok());
    const auto slice = [](const std::vector<float>& all, int64_t row,
                          int64_t width) {
      return absl::MakeConstSpan(all).subspan(static_cast<size_t>(row * width),
                                              static_cast<size_t>(width));
    };
    for (int64_t n = 0; n < rows; ++n) {
      ReferenceState state = {ToDoubles(slice(h_in, n, hidden)),
                              ToDoubles(slice(c_in, n, hidden))};
      for (int64_t t = 0; t < steps; ++t) {
        const std::vector<Doubles> weights = {ToDoubles(random_layer.weight_ih),
                                              ToDoubles(random_layer.weight_hh),
                                              ToDoubles(random_layer.bias_ih),
                                              ToDoubles(random_layer.bias_hh)};
        ReferenceCellStep(Cell::kLstm, weights,
                          ToDoubles(slice(x, t * rows + n, inputs)), &state);
        const auto y_row = slice(y, t * rows + n, hidden);
        for (size_t k = 0; k < state.h.size(); ++k) {
          ASSERT_NEAR(y_row[k], state.h[k], 1e-5);
        }
      }
      for (size_t k = 0; k < state.h.size(); ++k) {
        ASSERT_NEAR(slice(h, n, hidden)[k], state.h[k], 1e-5);
        ASSERT_NEAR(slice(c, n, hidden)[k], state.c[k], 1e-5);
      }
    }
  }
}

}  // namespace
}  // namespace carousel
