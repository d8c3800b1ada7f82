// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/forecasting.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_forecaster.h"

namespace carousel {
namespace {

using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class ForecastingTest : public testing::Test {
 protected:
  void Load(ForecastMode mode) {
    ASSERT_THAT(WriteBundle(dir_.File("tiny/1"), TinyForecaster(mode)), IsOk());
    auto model = Model::Load(dir_.File("tiny/1"));
    ASSERT_THAT(model, IsOk());
    model_ = *std::move(model);
  }

  // `rows` rows of both series, in the units of the network.
  static std::vector<float> Rows(int rows) {
    std::vector<float> values;
    for (int i = 0; i < rows; ++i) {
      values.push_back(std::sin(static_cast<float>(i)));
      values.push_back(std::cos(static_cast<float>(i) / 2));
    }
    return values;
  }

  const std::vector<SeriesScale>& scales() const {
    return model_->manifest().forecaster().series;
  }

  TempDir dir_;
  std::shared_ptr<const Model> model_;
};

// Only the last window of a history counts.
TEST_F(ForecastingTest, ForecastReadsTheLastWindow) {
  Load(ForecastMode::kDirect);
  std::vector<float> history = Denormalise(scales(), Rows(9));
  const auto forecast = Forecast(*model_, history, 0);
  ASSERT_THAT(forecast, IsOk());
  EXPECT_EQ(forecast->size(), 6u);
  for (size_t i = 0; i < 6; ++i) history[i] = 1e6f;
  EXPECT_EQ(*Forecast(*model_, history, 0), *forecast);
  const auto shorter = Forecast(*model_, history, 2);
  ASSERT_THAT(shorter, IsOk());
  for (size_t i = 0; i < 4; ++i) EXPECT_FLOAT_EQ((*shorter)[i], (*forecast)[i]);
}

TEST_F(ForecastingTest, RefusesWhatIsNoHistory) {
  Load(ForecastMode::kDirect);
  std::vector<float> history = Rows(6);
  EXPECT_THAT(Forecast(*model_, history, 4),
              StatusIs(kInvalid, HasSubstr("expected 0 to 3, found 4")));
  EXPECT_THAT(Forecast(*model_, history, -1),
              StatusIs(kInvalid, HasSubstr("expected 0 to 3, found -1")));
  EXPECT_THAT(Forecast(*model_, absl::MakeSpan(history).first(10), 1),
              StatusIs(kInvalid, HasSubstr("at least 6 steps, found 5")));
  EXPECT_THAT(Forecast(*model_, absl::MakeSpan(history).first(11), 1),
              StatusIs(kInvalid, HasSubstr("steps of 2 values")));
  history[5] = NAN;
  EXPECT_THAT(Forecast(*model_, history, 1),
              StatusIs(kInvalid, HasSubstr("step 2: expected a finite value")));
}

TEST_F(ForecastingTest, StepByStepGoesBeyondItsHorizon) {
  Load(ForecastMode::kStepByStep);
  const auto forecast = Forecast(*model_, Rows(6), 10);
  ASSERT_THAT(forecast, IsOk());
  EXPECT_EQ(forecast->size(), 20u);
  EXPECT_THAT(Forecast(*model_, Rows(6), 65537),
              StatusIs(kInvalid, HasSubstr("expected 0 to 65536, found")));
}

// A float may hold a value, but not its distance from the mean in standard
// deviations.
TEST_F(ForecastingTest, RefusesAHistoryThatNothingFollowsFrom) {
  Load(ForecastMode::kDirect);
  std::vector<float> history = Rows(6);
  history[7] = 3e38f;  // standard deviation 0.5
  EXPECT_THAT(
      Forecast(*model_, history, 1),
      StatusIs(kInvalid, HasSubstr("history, in standard deviations: step 3: "
                                   "expected a finite value, found inf")));
}

// What is measured is what Forecast says, compared element by element.
TEST_F(ForecastingTest, ErrorsAreThoseOfTheForecasts) {
  Load(ForecastMode::kDirect);
  const std::vector<float> values = Rows(100);
  const auto errors =
      MeasureForecasts(*model_->forecaster().network, values,
                       {.first_row = 20, .horizons = {1, 3}, .series = {1}});
  ASSERT_THAT(errors, IsOk());
  ASSERT_EQ(errors->size(), 2u);
  for (const ForecastErrors& found : *errors) {
    double squares = 0;
    double sizes = 0;
    int64_t n = 0;
    for (int at = 20; at + found.horizon <= 100; ++at, ++n) {
      const auto history =
          Denormalise(scales(), absl::MakeSpan(values).first(size_t(at) * 2));
      const auto forecast =
          Normalise(scales(), *Forecast(*model_, history, found.horizon));
      for (int step = 0; step < found.horizon; ++step) {
        const double error =
            forecast[size_t(step) * 2 + 1] - values[size_t(at + step) * 2 + 1];
        squares += error * error;
        sizes += std::abs(error);
      }
    }
    EXPECT_EQ(found.n, n);
    const double elements = static_cast<double>(n * found.horizon);
    EXPECT_NEAR(found.mse, squares / elements, 1e-5);
    EXPECT_NEAR(found.mae, sizes / elements, 1e-5);
  }
}

TEST_F(ForecastingTest, MeasuresFromTheFirstWholeWindowOn) {
  Load(ForecastMode::kDirect);
  const Forecaster& network = *model_->forecaster().network;
  const auto errors =
      MeasureForecasts(network, Rows(10), {.horizons = {3}, .series = {}});
  ASSERT_THAT(errors, IsOk());
  EXPECT_EQ((*errors)[0].n, 2);  // from rows 6 and 7
  EXPECT_THAT(
      MeasureForecasts(network, Rows(8), {.horizons = {3}, .series = {}}),
      StatusIs(kInvalid, HasSubstr("at least 9 rows for a horizon of 3 from "
                                   "row 6 on, found 8")));
  EXPECT_THAT(
      MeasureForecasts(network, Rows(20), {.horizons = {4}, .series = {}}),
      StatusIs(kInvalid, HasSubstr("expected 1 to 3")));
  EXPECT_THAT(
      MeasureForecasts(network, Rows(20), {.horizons = {3}, .series = {2}}),
      StatusIs(kInvalid, HasSubstr("series: expected 0 to 1, found 2")));
}

TEST_F(ForecastingTest, StopsWhenTold) {
  Load(ForecastMode::kDirect);
  EXPECT_THAT(MeasureForecasts(*model_->forecaster().network, Rows(50),
                               {.horizons = {3},
                                .series = {},
                                .on_progress = [](double) { return false; }}),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST(ForecastErrorsTest, JsonHasTheFieldsOfTheContract) {
  EXPECT_EQ(
      (ForecastErrors{.horizon = 24, .mse = 0.25, .mae = 0.5, .n = 7}).ToJson(),
      R"({"task":"forecaster","mse":0.25,"mae":0.5,"horizon":24,"n":7})");
}

}  // namespace
}  // namespace carousel
