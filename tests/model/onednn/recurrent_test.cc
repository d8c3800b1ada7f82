// SPDX-License-Identifier: Apache-2.0

#include "model/onednn/recurrent.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "tests/testing/reference_recurrent.h"

namespace carousel {
namespace {

std::vector<float> Values(int64_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = random.Uniform(-0.7f, 0.7f);
  return values;
}

struct RandomLayer {
  RandomLayer(Cell cell, int64_t inputs, int64_t hidden, uint64_t seed) {
    const int64_t rows = GateCount(cell) * hidden;
    weight_ih = Values(rows * inputs, seed);
    weight_hh = Values(rows * hidden, seed + 1);
    bias_ih = Values(rows, seed + 2);
    bias_hh = Values(rows, seed + 3);
    layer = RecurrentLayer::Create(cell, inputs, hidden,
                                   {.weight_ih = weight_ih,
                                    .weight_hh = weight_hh,
                                    .bias_ih = bias_ih,
                                    .bias_hh = bias_hh})
                .value();
  }

  std::vector<float> weight_ih, weight_hh, bias_ih, bias_hh;
  std::unique_ptr<const RecurrentLayer> layer;
};

Doubles ToDoubles(absl::Span<const float> values) {
  return {values.begin(), values.end()};
}

class RecurrentLayerTest : public ::testing::TestWithParam<Cell> {
 protected:
  // Runs a layer on random numbers; every output against the equations.
  void CompareWithEquations(int64_t steps, int64_t rows, int64_t inputs,
                            int64_t hidden, uint64_t seed) {
    SCOPED_TRACE(::testing::Message() << "T " << steps << " N " << rows << " I "
                                      << inputs << " H " << hidden);
    const Cell cell = GetParam();
    const RandomLayer random(cell, inputs, hidden, seed);
    const auto x = Values(steps * rows * inputs, seed + 4);
    const auto h_in = Values(rows * hidden, seed + 5);
    const auto c_in = Values(rows * hidden, seed + 6);
    // Canaries behind the outputs: kernels of some releases write too far.
    constexpr size_t kCanaries = 64;
    std::vector<float> y(static_cast<size_t>(steps * rows * hidden) + kCanaries,
                         9.0f);
    std::vector<float> h = h_in, c = c_in;
    h.resize(h.size() + kCanaries, 9.0f);
    const bool memory = HasMemory(cell);
    ASSERT_TRUE(random.layer
                    ->Forward({.steps = steps,
                               .rows = rows,
                               .x = x.data(),
                               .h_in = h.data(),
                               .c_in = memory ? c.data() : nullptr,
                               .y = y.data(),
                               .h_out = h.data(),
                               .c_out = memory ? c.data() : nullptr},
                              &executor_)
                    .ok());
    for (const auto* values : {&y, &h}) {
      for (size_t i = values->size() - kCanaries; i < values->size(); ++i) {
        ASSERT_EQ((*values)[i], 9.0f);
      }
    }
    const std::vector<Doubles> weights = {
        ToDoubles(random.weight_ih), ToDoubles(random.weight_hh),
        ToDoubles(random.bias_ih), ToDoubles(random.bias_hh)};
    for (int64_t n = 0; n < rows; ++n) {
      ReferenceState state = {ToDoubles(Slice(h_in, n, hidden)),
                              ToDoubles(Slice(c_in, n, hidden))};
      for (int64_t t = 0; t < steps; ++t) {
        ReferenceCellStep(cell, weights,
                          ToDoubles(Slice(x, t * rows + n, inputs)), &state);
        ExpectNear(Slice(y, t * rows + n, hidden), state.h);
      }
      ExpectNear(Slice(h, n, hidden), state.h);
      ExpectNear(Slice(c, n, hidden), state.c);
    }
  }

  static absl::Span<const float> Slice(const std::vector<float>& all,
                                       int64_t row, int64_t width) {
    return absl::MakeConstSpan(all).subspan(static_cast<size_t>(row * width),
                                            static_cast<size_t>(width));
  }

  static void ExpectNear(absl::Span<const float> found,
                         const Doubles& expected) {
    for (size_t k = 0; k < expected.size(); ++k) {
      // A ReLU RNN's sums grow from step to step, and their rounding with them.
      const double tolerance = GetParam() == Cell::kReluRnn ? 1e-4 : 1e-5;
      ASSERT_NEAR(found[k], expected[k],
                  tolerance * (1 + std::abs(expected[k])));
    }
  }

  Executor executor_;
};

// The recurrent primitives against loops over the equations, on shapes drawn at
// random, one step and one row among them.
TEST_P(RecurrentLayerTest, RandomShapesGiveWhatTheEquationsGive) {
  Random random(2026);
  for (int trial = 0; trial < 25; ++trial) {
    const auto draw = [&](uint64_t most) {
      return static_cast<int64_t>(1 + random.Below(most));
    };
    const int64_t steps = trial % 3 == 0 ? 1 : draw(9);
    const int64_t rows = trial % 4 == 0 ? 1 : draw(20);
    CompareWithEquations(steps, rows, draw(40), draw(70), random.Bits());
  }
}

// A step in place whose new state is wider than a block of the kernel: a plain
// RNN would read what it has just written.
TEST_P(RecurrentLayerTest, OneStepOfAWideLayerIsDoneInPlace) {
  CompareWithEquations(1, 8, 64, 64, 1);
}

// Widths below that of a vector register.
TEST_P(RecurrentLayerTest, NarrowLayersWriteNoFurtherThanTheirOutputs) {
  for (int64_t hidden = 1; hidden <= 6; ++hidden) {
    CompareWithEquations(3, 2, hidden, hidden, 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, RecurrentLayerTest,
                         ::testing::Values(Cell::kTanhRnn, Cell::kReluRnn,
                                           Cell::kLstm, Cell::kGru),
                         [](const auto& cell) {
                           return std::string(CellName(cell.param));
                         });

}  // namespace
}  // namespace carousel
