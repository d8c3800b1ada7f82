// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/forecast_residuals.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/tasks/forecast_walk.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_forecaster.h"

namespace carousel {
namespace {

using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class ForecastResidualsTest : public testing::Test {
 protected:
  // `rows` rows of both series: a wave and noise.
  static std::vector<float> Rows(int rows, uint64_t seed = 1) {
    std::vector<float> values;
    Random random(seed);
    for (int i = 0; i < rows; ++i) {
      values.push_back(std::sin(static_cast<float>(i)) +
                       random.Uniform(-0.5f, 0.5f));
      values.push_back(random.Uniform(-1, 1));
    }
    return values;
  }

  // All residuals of step and series, one forecast after the other.
  std::vector<float> Residuals(const std::vector<float>& values, int first,
                               size_t step, size_t series) const {
    std::vector<float> residuals;
    const auto rows = static_cast<int>(values.size() / 2);
    for (int row = first; row + 3 <= rows; ++row) {
      const auto at = static_cast<size_t>(row);
      std::vector<float> forecast(6);
      Forecaster::Workspace workspace;
      EXPECT_THAT(network_->Forecast(
                      absl::MakeConstSpan(values).subspan((at - 6) * 2, 12), 1,
                      3, absl::MakeSpan(forecast), &workspace),
                  IsOk());
      residuals.push_back(values[(at + step) * 2 + series] -
                          forecast[step * 2 + series]);
    }
    return residuals;
  }

  const std::unique_ptr<const Forecaster> network_ =
      Forecaster::Create(TinyForecasterSizes(), TinyForecaster().weights)
          .value();
};

// The i-th smallest of n is the quantile i / (n + 1).
TEST_F(ForecastResidualsTest, QuantilesAreThoseOfTheSortedResiduals) {
  const std::vector<float> values = Rows(30 + 199 + 2);
  const auto measured = MeasureResiduals(*network_, values, {.first_row = 30});
  ASSERT_THAT(measured, IsOk());
  EXPECT_EQ(measured->forecasts, 199);
  const ResidualQuantiles& quantiles = measured->quantiles;
  EXPECT_EQ(quantiles.levels.front(), 0.01f);
  EXPECT_EQ(quantiles.levels.back(), 0.99f);
  for (int step = 0; step < 3; ++step) {
    for (int series = 0; series < 2; ++series) {
      std::vector<float> residuals = Residuals(
          values, 30, static_cast<size_t>(step), static_cast<size_t>(series));
      std::sort(residuals.begin(), residuals.end());
      EXPECT_NEAR(quantiles.At(step, series, 0.1f), residuals[19], 1e-5);
      EXPECT_NEAR(quantiles.At(step, series, 0.5f), residuals[99], 1e-5);
      EXPECT_NEAR(quantiles.At(step, series, 0.95f), residuals[189], 1e-5);
      // 0.025 * 200 is the fifth; 0.03 lies between two levels.
      EXPECT_NEAR(quantiles.At(step, series, 0.025f), residuals[4], 1e-5);
      const double between = quantiles.At(step, series, 0.03f);
      EXPECT_GE(between, residuals[4]);
      EXPECT_LE(between, residuals[9]);
    }
  }
}

TEST_F(ForecastResidualsTest, QuantilesDoNotCross) {
  const auto measured = MeasureResiduals(*network_, Rows(60), {});
  ASSERT_THAT(measured, IsOk());
  for (int step = 0; step < 3; ++step) {
    double before = -INFINITY;
    for (double level = 0.05; level <= 0.95; level += 0.01) {
      const double residual =
          measured->quantiles.At(step, 1, static_cast<float>(level));
      EXPECT_GE(residual, before);
      before = residual;
    }
  }
}

// Few residuals do not tell what happens once in a hundred times.
TEST_F(ForecastResidualsTest, FewForecastsHaveFewLevels) {
  const auto nine = MeasureResiduals(*network_, Rows(6 + 9 + 2), {});
  ASSERT_THAT(nine, IsOk());
  EXPECT_EQ(nine->forecasts, 9);
  EXPECT_EQ(nine->quantiles.levels.front(), 0.1f);
  EXPECT_EQ(nine->quantiles.levels.back(), 0.9f);
  EXPECT_FALSE(nine->quantiles.Covers(0.05f));
  EXPECT_THAT(MeasureResiduals(*network_, Rows(6 + 8 + 2), {}),
              StatusIs(kInvalid, HasSubstr("at least 17 rows for 9 forecasts "
                                           "of 3 steps from row 6 on, found "
                                           "16")));
}

// Four fifths of what comes lies in the interval, if it is as before.
TEST_F(ForecastResidualsTest, IntervalHoldsOnDataOfTheSameKind) {
  const auto measured = MeasureResiduals(*network_, Rows(4000, 1), {});
  ASSERT_THAT(measured, IsOk());
  const std::vector<float> others = Rows(4000, 2);
  int within = 0;
  int all = 0;
  for (float residual : Residuals(others, 6, 2, 1)) {
    within += measured->quantiles.At(2, 1, 0.1f) <= residual &&
              residual <= measured->quantiles.At(2, 1, 0.9f);
    ++all;
  }
  EXPECT_NEAR(static_cast<double>(within) / all, 0.8, 0.03);
}

TEST_F(ForecastResidualsTest, RefusesWhatHasNoResidual) {
  std::vector<float> values = Rows(40);
  values[60] = 3e38f;
  values[61] = -3e38f;
  values[63] = 3e38f;
  EXPECT_THAT(MeasureResiduals(*network_, values, {}),
              StatusIs(kInvalid, HasSubstr("not finite")));
}

TEST_F(ForecastResidualsTest, StopsWhenTold) {
  EXPECT_THAT(MeasureResiduals(*network_, Rows(50),
                               {.on_progress = [](double) { return false; }}),
              StatusIs(absl::StatusCode::kCancelled));
}

// Every second place, and as many as are said before.
TEST_F(ForecastResidualsTest, WalkTakesEveryStride) {
  const ForecastWalk walk = {
      .first_row = 7, .stride = 2, .steps = 3, .least_steps = 3};
  std::vector<int64_t> rows;
  ASSERT_THAT(WalkForecasts(*network_, Rows(15), walk,
                            [&](int64_t row, absl::Span<const float>) {
                              rows.push_back(row);
                            }),
              IsOk());
  EXPECT_THAT(rows, testing::ElementsAre(7, 9, 11));
  EXPECT_EQ(CountForecasts(network_->sizes(), 15, walk), 3);
  EXPECT_EQ(CountForecasts(network_->sizes(), 5, walk), 0);
}

}  // namespace
}  // namespace carousel
