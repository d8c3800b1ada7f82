// SPDX-License-Identifier: Apache-2.0
//
// What recurrent_stack_grad_test.cc does not see of a single layer.

#include "model/layers/recurrent_grad.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/reference_recurrent.h"

namespace carousel {
namespace {

constexpr size_t kSteps = 5;
constexpr size_t kInputs = 2;
constexpr size_t kHidden = 3;

std::vector<float> Randoms(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(n);
  for (float& value : values) value = random.Uniform(-1.0f, 1.0f);
  return values;
}

class RecurrentTrainingLayerTest : public ::testing::TestWithParam<Cell> {
 protected:
  const Cell cell_ = GetParam();
  const std::vector<WeightSpec> specs_ = StackWeightSpecs(
      "", {.cell = cell_, .inputs = kInputs, .hidden = kHidden, .layers = 1});
  const std::vector<Doubles> weights_ = RandomReferenceWeights(specs_, 1);
  const std::vector<float> x_ = Randoms(kSteps * kInputs, 2);
  const std::vector<float> dy_ = Randoms(kSteps * kHidden, 3);
  const std::vector<float> dh_ = Randoms(kHidden, 4);

  // The sum of dy y and dh h_T, where `nudge` is added to unit k of h after
  // step t, and so to all that follows from it.
  double Loss(size_t t_nudged, size_t k_nudged, double nudge) const {
    ReferenceState state = {Doubles(kHidden), Doubles(kHidden)};
    double loss = 0;
    for (size_t t = 0; t < kSteps; ++t) {
      const auto first = x_.begin() + static_cast<long>(t * kInputs);
      ReferenceCellStep(cell_, weights_, Doubles(first, first + kInputs),
                        &state);
      if (t == t_nudged) state.h[k_nudged] += nudge;
      for (size_t k = 0; k < kHidden; ++k) {
        loss += static_cast<double>(dy_[t * kHidden + k]) * state.h[k];
      }
    }
    for (size_t k = 0; k < kHidden; ++k) {
      loss += static_cast<double>(dh_[k]) * state.h[k];
    }
    return loss;
  }
};

// The gradient that diagnosis draws against the time lag.
TEST_P(RecurrentTrainingLayerTest, GradientOfEveryStepIsThatOfTheEquations) {
  const auto tensors = ToTensors(specs_, weights_);
  const CellWeights weights = {.weight_ih = tensors[0].span<float>(),
                               .weight_hh = tensors[1].span<float>(),
                               .bias_ih = tensors[2].span<float>(),
                               .bias_hh = tensors[3].span<float>()};
  std::vector<std::vector<float>> gradients;
  for (const auto& weight : weights_) gradients.emplace_back(weight.size());
  Executor executor;
  const auto layer = RecurrentTrainingLayer::Create(cell_, kInputs, kHidden,
                                                    kSteps, 1, Precision::kF32)
                         .value();
  const std::vector<uint8_t> resets(kSteps);
  std::vector<float> h(kHidden), c(kHidden), dc(kHidden), dh = dh_;
  const bool memory = HasMemory(cell_);
  ASSERT_TRUE(layer
                  ->Forward(weights, x_.data(), resets, h.data(),
                            memory ? c.data() : nullptr, &executor)
                  .ok());
  std::vector<float> dh_steps(kSteps * kHidden);
  ASSERT_TRUE(layer
                  ->Backward(weights, resets, dy_.data(), dh.data(),
                             memory ? dc.data() : nullptr, /*dx=*/nullptr,
                             {.weight_ih = gradients[0].data(),
                              .weight_hh = gradients[1].data(),
                              .bias_ih = gradients[2].data(),
                              .bias_hh = gradients[3].data()},
                             dh_steps.data(), &executor)
                  .ok());
  constexpr double kEpsilon = 1e-6;
  for (size_t t = 0; t < kSteps; ++t) {
    for (size_t k = 0; k < kHidden; ++k) {
      const double expected =
          (Loss(t, k, kEpsilon) - Loss(t, k, -kEpsilon)) / (2 * kEpsilon);
      EXPECT_NEAR(dh_steps[t * kHidden + k], expected, 1e-5)
          << "step " << t << " unit " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, RecurrentTrainingLayerTest,
                         ::testing::Values(Cell::kTanhRnn, Cell::kReluRnn,
                                           Cell::kLstm, Cell::kGru),
                         [](const auto& cell) {
                           return std::string(CellName(cell.param));
                         });

}  // namespace
}  // namespace carousel
