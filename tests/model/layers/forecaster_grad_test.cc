// SPDX-License-Identifier: Apache-2.0

#include "model/layers/forecaster_grad.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/weights/safetensors.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/reference_forecaster.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

constexpr int kRows = 3;

ForecasterSizes Sizes(Cell cell, ForecastMode mode) {
  return {.rnn = {.cell = cell, .inputs = 2, .hidden = 4, .layers = 2},
          .window = 5,
          .horizon = 3,
          .mode = mode,
          .subtract_last = true};
}

// Element by element, as the header says it.
double ReferenceElement(const ForecasterTraining& training, double d) {
  const double delta = training.huber_delta;
  if (training.loss == ForecastLoss::kSquared) return d * d;
  if (training.loss == ForecastLoss::kAbsolute) return std::abs(d);
  return std::abs(d) <= delta ? d * d / 2 : delta * (std::abs(d) - delta / 2);
}

class GradientCase {
 public:
  GradientCase(const ForecasterSizes& sizes, const ForecasterTraining& training)
      : training_(training),
        reference_({sizes, {}}),
        windows_(RandomDoubles(kRows * size_t(sizes.window) * 2, 1, 1)),
        targets_(RandomDoubles(kRows * size_t(sizes.horizon) * 2, 1, 2)) {
    const auto specs = WeightSpecs(sizes);
    for (const WeightSpec& spec : *specs) {
      const auto count = static_cast<size_t>(NumElements(spec.shape));
      reference_.weights.push_back(
          RandomDoubles(count, 0.5f, 10 + reference_.weights.size()));
      names_.push_back(spec.name);
    }
  }

  double ReferenceLoss() const {
    const size_t window = windows_.size() / kRows;
    const size_t target = targets_.size() / kRows;
    double loss = 0;
    for (size_t n = 0; n < kRows; ++n) {
      const Doubles wanted = Part(targets_, n, target);
      const Doubles found =
          reference_.ForcedForecast(Part(windows_, n, window), wanted);
      for (size_t i = 0; i < target; ++i) {
        loss += ReferenceElement(training_, found[i] - wanted[i]);
      }
    }
    return loss;
  }

  // Loss and every gradient against the equations.
  void Check() {
    std::vector<Floats> weights;
    std::vector<Floats> gradients;
    std::vector<const float*> weight_pointers;
    std::vector<float*> gradient_pointers;
    for (const Doubles& weight : reference_.weights) {
      weights.push_back(ToFloats(weight));
      gradients.emplace_back(weight.size());
    }
    for (size_t i = 0; i < weights.size(); ++i) {
      weight_pointers.push_back(weights[i].data());
      gradient_pointers.push_back(gradients[i].data());
    }
    auto grad = ForecasterGrad::Create(reference_.sizes, kRows, training_);
    ASSERT_THAT(grad, IsOk());
    const auto loss =
        (*grad)->LossAndGradient(weight_pointers, ToFloats(windows_),
                                 ToFloats(targets_), {}, gradient_pointers);
    ASSERT_THAT(loss, IsOk());
    EXPECT_NEAR(*loss, ReferenceLoss(), 1e-5 * ReferenceLoss());
    for (size_t i = 0; i < gradients.size(); ++i) {
      EXPECT_LT(GradientError([&] { return ReferenceLoss(); },
                              &reference_.weights[i], gradients[i]),
                1e-4)
          << names_[i];
    }
  }

 private:
  static Doubles Part(const Doubles& all, size_t n, size_t size) {
    const auto from = all.begin() + static_cast<long>(n * size);
    return {from, from + static_cast<long>(size)};
  }

  const ForecasterTraining training_;
  ReferenceForecaster reference_;
  const Doubles windows_;
  const Doubles targets_;
  std::vector<std::string> names_;
};

TEST(ForecasterGradTest, DirectGradientsAreTheDifferences) {
  for (Cell cell : {Cell::kTanhRnn, Cell::kReluRnn, Cell::kLstm, Cell::kGru}) {
    SCOPED_TRACE(std::string(CellName(cell)));
    GradientCase(Sizes(cell, ForecastMode::kDirect), {}).Check();
  }
}

// Teacher forcing: every one of the last K steps has its own error.
TEST(ForecasterGradTest, StepByStepGradientsAreTheDifferences) {
  for (Cell cell : {Cell::kLstm, Cell::kGru}) {
    SCOPED_TRACE(std::string(CellName(cell)));
    GradientCase(Sizes(cell, ForecastMode::kStepByStep), {}).Check();
  }
}

TEST(ForecasterGradTest, BidirectionalGradientsAreTheDifferences) {
  ForecasterSizes sizes = Sizes(Cell::kGru, ForecastMode::kDirect);
  sizes.rnn.bidirectional = true;
  GradientCase(sizes, {}).Check();
  // The first step is the last, too.
  sizes.window = 1;
  GradientCase(sizes, {}).Check();
}

TEST(ForecasterGradTest, EveryLossHasItsGradient) {
  ForecasterSizes sizes = Sizes(Cell::kGru, ForecastMode::kDirect);
  sizes.subtract_last = false;
  GradientCase(sizes, {.dropout = {}, .loss = ForecastLoss::kAbsolute}).Check();
  GradientCase(
      sizes, {.dropout = {}, .loss = ForecastLoss::kHuber, .huber_delta = 0.5f})
      .Check();
}

// Without dropout Loss() and LossAndGradient() are the same number; gradients
// are added to what is there.
TEST(ForecasterGradTest, AddsToTheGradient) {
  const ForecasterSizes sizes = Sizes(Cell::kLstm, ForecastMode::kDirect);
  auto grad = ForecasterGrad::Create(sizes, kRows, {});
  ASSERT_THAT(grad, IsOk());
  const auto specs = WeightSpecs(sizes);
  std::vector<Floats> weights;
  std::vector<Floats> once;
  std::vector<Floats> twice;
  std::vector<const float*> weight_pointers;
  std::vector<float*> once_pointers;
  std::vector<float*> twice_pointers;
  for (const WeightSpec& spec : *specs) {
    const auto count = static_cast<size_t>(NumElements(spec.shape));
    weights.push_back(ToFloats(RandomDoubles(count, 0.5f, weights.size())));
    once.emplace_back(count);
    twice.emplace_back(count);
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    weight_pointers.push_back(weights[i].data());
    once_pointers.push_back(once[i].data());
    twice_pointers.push_back(twice[i].data());
  }
  const Floats windows = ToFloats(RandomDoubles(30, 1, 1));
  const Floats targets = ToFloats(RandomDoubles(18, 1, 2));
  const auto loss = (*grad)->Loss(weight_pointers, windows, targets);
  for (auto* pointers : {&once_pointers, &twice_pointers, &twice_pointers}) {
    const auto again = (*grad)->LossAndGradient(weight_pointers, windows,
                                                targets, {}, *pointers);
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(*again, *loss);
  }
  for (size_t i = 0; i < once.size(); ++i) {
    for (size_t j = 0; j < once[i].size(); ++j) {
      EXPECT_NEAR(twice[i][j], 2 * once[i][j],
                  1e-5 + 1e-5 * std::abs(once[i][j]));
    }
  }
}

// PyTorch's forecasts, loss and gradients for the same weights and windows.
TEST(ForecasterGradTest, AgreesWithPyTorch) {
  const auto file = Safetensors::Open(CAROUSEL_SOURCE_DIR
                                      "/tests/golden/forecaster.safetensors");
  ASSERT_THAT(file, IsOk());
  const ForecasterSizes sizes = {.rnn = {.cell = Cell::kGru,
                                         .inputs = 2,
                                         .hidden = 8,
                                         .layers = 2,
                                         .bidirectional = true},
                                 .window = 12,
                                 .horizon = 4};
  const auto specs = WeightSpecs(sizes);
  std::vector<Tensor> weights;
  std::vector<Floats> gradients;
  std::vector<const float*> weight_pointers;
  std::vector<float*> gradient_pointers;
  for (const WeightSpec& spec : *specs) {
    const auto weight = (*file)->Get("weight." + spec.name);
    ASSERT_THAT(weight, IsOk());
    ASSERT_EQ(weight->shape(), spec.shape);
    weights.push_back(*weight);
    gradients.emplace_back(static_cast<size_t>(NumElements(spec.shape)));
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    weight_pointers.push_back(weights[i].data<float>());
    gradient_pointers.push_back(gradients[i].data());
  }
  const Tensor windows = *(*file)->Get("windows");
  const Tensor targets = *(*file)->Get("targets");
  const int rows = static_cast<int>(windows.dim(0));
  auto grad = ForecasterGrad::Create(sizes, rows, {});
  ASSERT_THAT(grad, IsOk());
  const auto loss =
      (*grad)->LossAndGradient(weight_pointers, windows.span<float>(),
                               targets.span<float>(), {}, gradient_pointers);
  ASSERT_THAT(loss, IsOk());
  const float expected_loss = (*file)->Get("loss")->span<float>()[0];
  EXPECT_NEAR(*loss, expected_loss, 1e-5 * expected_loss);
  for (size_t i = 0; i < specs->size(); ++i) {
    const Tensor expected = *(*file)->Get("gradient." + (*specs)[i].name);
    const Doubles doubles(expected.span<float>().begin(),
                          expected.span<float>().end());
    EXPECT_LT(RelativeDifference(gradients[i], doubles), 1e-4)
        << (*specs)[i].name;
  }
  const auto network = Forecaster::Create(sizes, weights);
  ASSERT_THAT(network, IsOk());
  const Tensor forecasts = *(*file)->Get("forecasts");
  Floats found(forecasts.span<float>().size());
  Forecaster::Workspace workspace;
  ASSERT_THAT((*network)->Forecast(windows.span<float>(), rows, sizes.horizon,
                                   absl::MakeSpan(found), &workspace),
              IsOk());
  EXPECT_LT(RelativeDifference(found, Doubles(forecasts.span<float>().begin(),
                                              forecasts.span<float>().end())),
            1e-5);
}

}  // namespace
}  // namespace carousel
