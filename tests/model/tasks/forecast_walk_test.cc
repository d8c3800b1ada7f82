// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/forecast_walk.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_forecaster.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class ForecastWalkTest : public testing::Test {
 protected:
  static std::vector<float> Rows(int rows) {
    std::vector<float> values;
    for (int i = 0; i < rows; ++i) {
      values.push_back(std::sin(static_cast<float>(i)));
      values.push_back(std::cos(static_cast<float>(i) / 2));
    }
    return values;
  }

  // The rows that are visited.
  std::vector<int64_t> Visit(int rows, const ForecastWalk& walk) {
    std::vector<int64_t> visited;
    EXPECT_THAT(WalkForecasts(*network_, Rows(rows), walk,
                              [&](int64_t row, absl::Span<const float>) {
                                visited.push_back(row);
                              }),
                IsOk());
    EXPECT_EQ(static_cast<int64_t>(visited.size()),
              CountForecasts(network_->sizes(), rows, walk));
    return visited;
  }

  const std::unique_ptr<const Forecaster> network_ =
      Forecaster::Create(TinyForecasterSizes(), TinyForecaster().weights)
          .value();
};

// A window of 6 steps comes before the first; least_steps of what is forecast
// come before the end.
TEST_F(ForecastWalkTest, GoesWhereAWindowAndTheForecastFit) {
  EXPECT_THAT(Visit(10, {.steps = 3, .least_steps = 3}), ElementsAre(6, 7));
  EXPECT_THAT(Visit(10, {.steps = 3, .least_steps = 1}),
              ElementsAre(6, 7, 8, 9));
  EXPECT_THAT(Visit(9, {.steps = 3, .least_steps = 3}), ElementsAre(6));
  EXPECT_THAT(Visit(8, {.steps = 3, .least_steps = 3}), IsEmpty());
  EXPECT_THAT(Visit(0, {}), IsEmpty());
}

TEST_F(ForecastWalkTest, BeginsAtTheFirstRowAndTakesStrides) {
  EXPECT_THAT(Visit(12, {.first_row = 9}), ElementsAre(9, 10, 11));
  EXPECT_THAT(Visit(12, {.first_row = 2}), SizeIs(6));  // no window before 6
  EXPECT_THAT(Visit(13, {.stride = 3}), ElementsAre(6, 9, 12));
  EXPECT_THAT(Visit(12, {.stride = 3}), ElementsAre(6, 9));
  EXPECT_THAT(Visit(12, {.first_row = 12}), IsEmpty());
}

// More than are run together.
TEST_F(ForecastWalkTest, ForecastsAreThoseOfTheirWindows) {
  const std::vector<float> values = Rows(200);
  Forecaster::Workspace workspace;
  int64_t visited = 0;
  ASSERT_THAT(
      WalkForecasts(
          *network_, values, {.stride = 2, .steps = 2, .least_steps = 1},
          [&](int64_t row, absl::Span<const float> forecast) {
            EXPECT_EQ(row, 6 + 2 * visited++);
            std::vector<float> alone(4);
            const auto window = absl::MakeConstSpan(values).subspan(
                static_cast<size_t>(row - 6) * 2, 12);
            ASSERT_THAT(network_->Forecast(window, 1, 2, absl::MakeSpan(alone),
                                           &workspace),
                        IsOk());
            ASSERT_THAT(forecast, SizeIs(4));
            for (size_t i = 0; i < 4; ++i) {
              EXPECT_NEAR(forecast[i], alone[i], 1e-5);
            }
          }),
      IsOk());
  EXPECT_EQ(visited, 97);
}

TEST_F(ForecastWalkTest, TellsItsProgressAndStopsWhenTold) {
  std::vector<double> told;
  ForecastWalk walk = {.on_progress = [&](double done) {
    told.push_back(done);
    return true;
  }};
  EXPECT_THAT(Visit(6 + 96, walk), SizeIs(96));
  EXPECT_THAT(told, ElementsAre(64 / 96.0, 1));
  walk.on_progress = [](double) { return false; };
  int64_t visited = 0;
  EXPECT_THAT(
      WalkForecasts(*network_, Rows(6 + 96), walk,
                    [&](int64_t, absl::Span<const float>) { ++visited; }),
      StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(visited, 64);
}

}  // namespace
}  // namespace carousel
