// SPDX-License-Identifier: Apache-2.0

#include "model/layers/forecaster.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/reference_forecaster.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

ForecasterSizes Sizes(Cell cell, ForecastMode mode) {
  return {.rnn = {.cell = cell, .inputs = 2, .hidden = 5, .layers = 2},
          .window = 7,
          .horizon = 3,
          .mode = mode,
          .subtract_last = true};
}

// Numbers in (-1, 1) that a float holds.
Doubles Numbers(size_t count, uint64_t seed) {
  Random random(seed);
  Doubles values(count);
  for (double& value : values) value = random.Uniform(-1, 1);
  return values;
}

std::vector<Doubles> RandomWeights(const ForecasterSizes& sizes) {
  std::vector<Doubles> weights;
  const auto specs = WeightSpecs(sizes);
  for (const WeightSpec& spec : *specs) {
    const auto count = static_cast<size_t>(NumElements(spec.shape));
    weights.push_back(Numbers(count, weights.size()));
  }
  return weights;
}

std::vector<Tensor> ToTensors(const ForecasterSizes& sizes,
                              const std::vector<Doubles>& weights) {
  std::vector<Tensor> tensors;
  const auto specs = WeightSpecs(sizes);
  for (size_t i = 0; i < weights.size(); ++i) {
    tensors.push_back(Tensor::Zeros(DType::kF32, (*specs)[i].shape));
    std::copy(weights[i].begin(), weights[i].end(),
              tensors.back().mutable_span<float>().begin());
  }
  return tensors;
}

// Windows of several rows against the equations, one by one.
void ExpectReference(const ForecasterSizes& sizes, int rows, size_t steps) {
  const std::vector<Doubles> weights = RandomWeights(sizes);
  const auto network = Forecaster::Create(sizes, ToTensors(sizes, weights));
  ASSERT_THAT(network, IsOk());
  const size_t series = static_cast<size_t>(sizes.series());
  const size_t window = static_cast<size_t>(sizes.window) * series;
  const Doubles all = Numbers(static_cast<size_t>(rows) * window, 77);
  const std::vector<float> windows(all.begin(), all.end());
  std::vector<float> found(static_cast<size_t>(rows) * steps * series);
  Forecaster::Workspace workspace;
  ASSERT_THAT((*network)->Forecast(windows, rows, static_cast<int>(steps),
                                   absl::MakeSpan(found), &workspace),
              IsOk());
  const ReferenceForecaster reference = {sizes, weights};
  for (size_t n = 0; n < static_cast<size_t>(rows); ++n) {
    const auto from = all.begin() + static_cast<long>(n * window);
    const Doubles expected =
        reference.Forecast({from, from + static_cast<long>(window)}, steps);
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(found[n * expected.size() + i], expected[i], 1e-5)
          << "row " << n << " element " << i;
    }
  }
}

TEST(ForecasterTest, DirectForecastFollowsTheEquations) {
  for (Cell cell : {Cell::kTanhRnn, Cell::kReluRnn, Cell::kLstm, Cell::kGru}) {
    ExpectReference(Sizes(cell, ForecastMode::kDirect), 3, 3);
  }
}

// A shorter forecast is the beginning of the longer one.
TEST(ForecasterTest, DirectForecastMayBeCutShort) {
  ExpectReference(Sizes(Cell::kGru, ForecastMode::kDirect), 2, 1);
}

// Each direction is read where it has seen the whole window.
TEST(ForecasterTest, BothDirectionsSeeTheWholeWindow) {
  ForecasterSizes sizes = Sizes(Cell::kLstm, ForecastMode::kDirect);
  sizes.rnn.bidirectional = true;
  ExpectReference(sizes, 3, 3);
  sizes.window = 1;
  ExpectReference(sizes, 2, 3);
}

// What it forecasts is what it reads next, as far as is asked.
TEST(ForecasterTest, StepByStepReadsItsOwnForecasts) {
  ExpectReference(Sizes(Cell::kGru, ForecastMode::kStepByStep), 3, 8);
}

TEST(ForecasterTest, ManyRowsAreRunInTurn) {
  ExpectReference(Sizes(Cell::kLstm, ForecastMode::kDirect), 131, 3);
}

// A level that is shifted shifts the forecast alike.
TEST(ForecasterTest, SubtractedLevelComesBack) {
  const ForecasterSizes sizes = Sizes(Cell::kGru, ForecastMode::kDirect);
  const auto network =
      Forecaster::Create(sizes, ToTensors(sizes, RandomWeights(sizes)));
  ASSERT_THAT(network, IsOk());
  Forecaster::Workspace workspace;
  std::vector<float> window(14, 0.25f);
  std::vector<float> low(6);
  std::vector<float> high(6);
  ASSERT_THAT(
      (*network)->Forecast(window, 1, 3, absl::MakeSpan(low), &workspace),
      IsOk());
  for (float& value : window) value += 8;
  ASSERT_THAT(
      (*network)->Forecast(window, 1, 3, absl::MakeSpan(high), &workspace),
      IsOk());
  for (size_t i = 0; i < low.size(); ++i)
    EXPECT_NEAR(high[i] - low[i], 8, 1e-5);
}

TEST(ForecasterTest, RefusesSizesThatMakeNoNetwork) {
  ForecasterSizes sizes = Sizes(Cell::kGru, ForecastMode::kDirect);
  sizes.window = 0;
  EXPECT_THAT(WeightSpecs(sizes), StatusIs(kInvalid, HasSubstr("window")));
  sizes = Sizes(Cell::kGru, ForecastMode::kDirect);
  sizes.horizon = 1 << 17;
  EXPECT_THAT(WeightSpecs(sizes), StatusIs(kInvalid, HasSubstr("horizon")));
  // What a bundle could not hold must not be trained.
  sizes.window = 1 << 15;
  sizes.horizon = 1 << 15;
  sizes.rnn.inputs = 8;
  EXPECT_THAT(WeightSpecs(sizes), IsOk());
  sizes.rnn.inputs = 9;
  EXPECT_THAT(WeightSpecs(sizes),
              StatusIs(kInvalid, HasSubstr("window and horizon, times series: "
                                           "589824, expected at most 524288")));
  sizes.rnn.inputs = 1;
  sizes.rnn.hidden = 1 << 11;
  EXPECT_THAT(WeightSpecs(sizes),
              StatusIs(kInvalid, HasSubstr("what the stack reads and writes: "
                                           "67141632, expected at most")));
  sizes = Sizes(Cell::kGru, ForecastMode::kStepByStep);
  sizes.rnn.bidirectional = true;
  EXPECT_THAT(WeightSpecs(sizes),
              StatusIs(kInvalid, HasSubstr("step by step")));
}

TEST(ForecasterTest, RefusesWeightsOfOtherSizes) {
  const ForecasterSizes sizes = Sizes(Cell::kGru, ForecastMode::kDirect);
  std::vector<Tensor> weights = ToTensors(sizes, RandomWeights(sizes));
  weights.back() = Tensor::Zeros(DType::kF32, {5});
  EXPECT_THAT(Forecaster::Create(sizes, weights),
              StatusIs(kInvalid, HasSubstr("output.bias")));
}

}  // namespace
}  // namespace carousel
