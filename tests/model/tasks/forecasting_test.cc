// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/forecasting.h"

#include <cmath>
#include <filesystem>

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
  void Load(ForecastMode mode, bool quantiles = false) {
    BundleContent content = TinyForecaster(mode);
    if (quantiles) content.quantiles = TinyQuantiles();
    ASSERT_THAT(WriteBundle(dir_.File("tiny/1"), content), IsOk());
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
              StatusIs(kInvalid, HasSubstr("expected 1 to 3, found 4")));
  EXPECT_THAT(Forecast(*model_, history, -1),
              StatusIs(kInvalid, HasSubstr("expected 1 to 3, found -1")));
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
              StatusIs(kInvalid, HasSubstr("expected 1 to 65536, found")));
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

// Side by side as alone; what one of them is refused for does not touch the
// others.
TEST_F(ForecastingTest, WindowsSideBySideAreAsAlone) {
  for (const ForecastMode mode :
       {ForecastMode::kDirect, ForecastMode::kStepByStep}) {
    Load(mode);
    std::vector<std::vector<float>> histories;
    for (int i = 0; i < 5; ++i) {
      histories.push_back(Denormalise(scales(), Rows(6 + i)));
    }
    std::vector<std::vector<float>> windows;
    for (const auto& history : histories) {
      windows.push_back(*ReadWindow(*model_, history));
    }
    // The last value, in standard deviations: what follows is too large in the
    // units of the data.
    windows[2][10] = 3e38f;
    Forecaster::Workspace workspace;
    const auto found = ForecastWindows(
        *model_,
        std::vector<absl::Span<const float>>(windows.begin(), windows.end()), 3,
        [] { return absl::OkStatus(); }, &workspace);
    ASSERT_THAT(found, IsOk());
    for (size_t i = 0; i < histories.size(); ++i) {
      if (i == 2) {
        EXPECT_THAT((*found)[i],
                    StatusIs(kInvalid,
                             HasSubstr("forecast of this history: step 0: "
                                       "expected a finite value, found inf")));
        continue;
      }
      const auto alone = Forecast(*model_, histories[i], 3);
      ASSERT_THAT((*found)[i], IsOk());
      for (size_t k = 0; k < alone->size(); ++k) {
        EXPECT_NEAR((*(*found)[i])[k], (*alone)[k], 1e-4);
      }
    }
    std::filesystem::remove_all(dir_.File("tiny"));
  }
}

TEST_F(ForecastingTest, LooksWhetherItIsInVain) {
  Load(ForecastMode::kStepByStep);
  const std::vector<float> window = *ReadWindow(*model_, Rows(6));
  Forecaster::Workspace workspace;
  int looks = 0;
  EXPECT_THAT(ForecastWindows(
                  *model_, {window}, 60000,
                  [&] {
                    return ++looks < 5 ? absl::OkStatus()
                                       : absl::CancelledError("left");
                  },
                  &workspace),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(looks, 5);
}

// The forecast and the residual, in the units of the data.
TEST_F(ForecastingTest, QuantilesAreAboutTheForecast) {
  Load(ForecastMode::kDirect, /*quantiles=*/true);
  const std::vector<float> forecast = {100, 1, 110, 2, 120, 3};
  EXPECT_THAT(CheckQuantileSteps(*model_, 3), IsOk());
  EXPECT_THAT(CheckQuantileLevel(*model_, 0.1), IsOk());
  const std::vector<double> low = ForecastQuantile(*model_, forecast, 0.1);
  const std::vector<double> middle = ForecastQuantile(*model_, forecast, 0.5);
  ASSERT_EQ(low.size(), 6u);
  // -1, -2, -3 deviations of 20, and of 0.5.
  EXPECT_NEAR(low[0], 100 - 20, 1e-4);
  EXPECT_NEAR(low[1], 1 - 0.5, 1e-4);
  EXPECT_NEAR(low[4], 120 - 60, 1e-4);
  EXPECT_NEAR(middle[4], 120, 1e-4);
  EXPECT_NEAR(ForecastQuantile(*model_, forecast, 0.3)[4], 120 - 30, 1e-4);
}

TEST_F(ForecastingTest, QuantilesThatWereNotMeasuredAreRefused) {
  Load(ForecastMode::kStepByStep);
  EXPECT_THAT(CheckQuantileSteps(*model_, 1),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("has no quantiles")));
  std::filesystem::remove_all(dir_.File("tiny"));
  Load(ForecastMode::kStepByStep, /*quantiles=*/true);
  EXPECT_THAT(CheckQuantileSteps(*model_, 4),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("measured for 3 steps")));
  for (const double level : {0.0, 0.0999, 0.91, 1.0, -1.0, double{NAN}}) {
    EXPECT_THAT(CheckQuantileLevel(*model_, level),
                StatusIs(kInvalid, HasSubstr("a level from 0.1 to 0.9")));
  }
}

// Of step 1 of "load" all residuals are 0 where the forecast is what came.
TEST_F(ForecastingTest, CoverageIsTheShareWithinTheInterval) {
  Load(ForecastMode::kStepByStep, /*quantiles=*/true);
  const std::vector<float> values = Rows(100);
  const auto& parts = model_->forecaster();
  const ForecastMeasure measure = {.first_row = 20,
                                   .horizons = {1, 3, 5},
                                   .series = {0},
                                   .quantiles = &*parts.quantiles};
  const auto errors = MeasureForecasts(*parts.network, values, measure);
  ASSERT_THAT(errors, IsOk());
  int within = 0;
  for (int at = 20; at < 100; ++at) {
    const auto history =
        Denormalise(scales(), absl::MakeSpan(values).first(size_t(at) * 2));
    const auto forecast = Normalise(scales(), *Forecast(*model_, history, 1));
    within += std::abs(forecast[0] - values[size_t(at) * 2]) <= 1;
  }
  EXPECT_GT(within, 0);
  EXPECT_NEAR((*errors)[0].coverage_80.value(), within / 80.0, 1e-9);
  EXPECT_TRUE((*errors)[1].coverage_80.has_value());
  EXPECT_FALSE((*errors)[2].coverage_80.has_value());  // beyond what is known
  EXPECT_THAT((*errors)[0].ToJson(), HasSubstr("\"coverage_80\":"));
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
