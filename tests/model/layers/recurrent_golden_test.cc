// SPDX-License-Identifier: Apache-2.0
//
// Agreement with PyTorch's nn.RNN, nn.LSTM and nn.GRU, whose state_dict loads
// as it is: outputs within 1e-5, gradients within 1e-4 relative.
// tests/golden/make_recurrent_golden.py wrote the numbers.

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/layers/recurrent_stack.h"
#include "model/layers/recurrent_stack_grad.h"
#include "model/weights/safetensors.h"

namespace carousel {
namespace {

using ::testing::FloatNear;
using ::testing::Pointwise;

constexpr int kSteps = 3;
constexpr int kRows = 2;

// |found - expected| / |expected| over all elements.
double RelativeError(absl::Span<const float> found,
                     absl::Span<const float> expected) {
  EXPECT_EQ(found.size(), expected.size());
  double difference = 0;
  double norm = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto e = static_cast<double>(expected[i]);
    difference += std::pow(static_cast<double>(found[i]) - e, 2);
    norm += e * e;
  }
  return std::sqrt(difference / norm);
}

class RecurrentGoldenTest
    : public ::testing::TestWithParam<std::tuple<Cell, int, bool>> {
 protected:
  RecurrentGoldenTest() {
    for (const WeightSpec& spec : specs_) {
      tensors_.push_back(golden_->Get(prefix_ + spec.name).value());
      weights_.push_back(tensors_.back().data<float>());
    }
  }

  std::vector<float> Floats(const std::string& name) const {
    const Tensor tensor = golden_->Get(prefix_ + name).value();
    return {tensor.span<float>().begin(), tensor.span<float>().end()};
  }

  // h and c, or their gradients; c is empty where PyTorch has none.
  RecurrentState State(const std::string& before,
                       const std::string& after) const {
    return {.rows = kRows,
            .h = Floats(before + "h" + after),
            .c = HasMemory(sizes_.cell) ? Floats(before + "c" + after)
                                        : std::vector<float>()};
  }

  const StackSizes sizes_ = {.cell = std::get<0>(GetParam()),
                             .inputs = 2,
                             .hidden = 3,
                             .layers = std::get<1>(GetParam()),
                             .bidirectional = std::get<2>(GetParam())};
  const std::string prefix_ =
      absl::StrCat(CellName(sizes_.cell), ".", sizes_.layers,
                   sizes_.bidirectional ? ".both." : ".one.");
  const std::vector<WeightSpec> specs_ = StackWeightSpecs("", sizes_);
  const std::unique_ptr<const Safetensors> golden_ =
      Safetensors::Open(absl::StrCat(CAROUSEL_SOURCE_DIR,
                                     "/tests/golden/recurrent.safetensors"))
          .value();
  std::vector<Tensor> tensors_;
  std::vector<const float*> weights_;
};

TEST_P(RecurrentGoldenTest, ServedOutputsAreThoseOfPyTorch) {
  const auto stack = RecurrentStack::Create(sizes_, tensors_).value();
  StackWorkspace workspace;
  RecurrentState state = State("", "_in");
  const auto x = Floats("x");
  std::vector<float> y(Floats("y").size());
  ASSERT_TRUE(
      stack->Run({.x = x.data(), .steps = kSteps}, &state, y.data(), &workspace)
          .ok());
  EXPECT_THAT(y, Pointwise(FloatNear(1e-5f), Floats("y")));
  EXPECT_THAT(state.h, Pointwise(FloatNear(1e-5f), State("", "_out").h));
  EXPECT_THAT(state.c, Pointwise(FloatNear(1e-5f), State("", "_out").c));
}

TEST_P(RecurrentGoldenTest, TrainingAndItsGradientsAreThoseOfPyTorch) {
  const auto stack =
      RecurrentStackGrad::Create(sizes_, kSteps, kRows, {}, Precision::kF32)
          .value();
  Executor executor;
  RecurrentState state = State("", "_in");
  const auto x = Floats("x"), dy = Floats("dy"), y = Floats("y");
  const std::vector<uint8_t> resets(kSteps * kRows);
  ASSERT_TRUE(
      stack->Forward(weights_, x.data(), resets, nullptr, &state, &executor)
          .ok());
  EXPECT_THAT(absl::MakeSpan(stack->y(), y.size()),
              Pointwise(FloatNear(1e-5f), y));
  EXPECT_THAT(state.h, Pointwise(FloatNear(1e-5f), State("", "_out").h));
  EXPECT_THAT(state.c, Pointwise(FloatNear(1e-5f), State("", "_out").c));

  RecurrentState dstate = State("d", "_out");
  std::vector<float> dx(x.size());
  std::vector<std::vector<float>> gradients;
  std::vector<float*> pointers;
  for (const Tensor& tensor : tensors_) {
    gradients.emplace_back(static_cast<size_t>(tensor.size()));
    pointers.push_back(gradients.back().data());
  }
  ASSERT_TRUE(stack
                  ->Backward(weights_, resets, dy.data(), &dstate, dx.data(),
                             pointers, &executor)
                  .ok());
  for (size_t i = 0; i < specs_.size(); ++i) {
    EXPECT_LE(
        RelativeError(gradients[i], Floats("gradients." + specs_[i].name)),
        1e-4)
        << specs_[i].name;
  }
  EXPECT_LE(RelativeError(dx, Floats("dx")), 1e-4);
  EXPECT_LE(RelativeError(dstate.h, Floats("dh_in")), 1e-4);
  if (!HasMemory(sizes_.cell)) return;
  EXPECT_LE(RelativeError(dstate.c, Floats("dc_in")), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(
    All, RecurrentGoldenTest,
    ::testing::Combine(::testing::Values(Cell::kTanhRnn, Cell::kReluRnn,
                                         Cell::kLstm, Cell::kGru),
                       ::testing::Values(1, 2), ::testing::Bool()));

}  // namespace
}  // namespace carousel
