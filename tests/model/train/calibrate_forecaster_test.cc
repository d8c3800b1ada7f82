// SPDX-License-Identifier: Apache-2.0

#include "model/train/calibrate_forecaster.h"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/model.h"
#include "model/bundle/writer.h"
#include "model/tasks/forecasting.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"
#include "tests/testing/tiny_forecaster.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class CalibrateForecasterTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteBundle(options_.bundle, TinyForecaster()), IsOk());
    std::string text = "time,heat,other,load\n";
    for (int hour = 0; hour < 100; ++hour) {
      absl::StrAppend(&text, "2016-07-0", 1 + hour / 24, " ", hour % 24 / 10,
                      hour % 24 % 10, ":00,", -3 + std::sin(hour), ",x,",
                      100 + 15 * std::cos(hour * 0.7), "\n");
    }
    ASSERT_THAT(WriteFileAtomically(options_.data, text), IsOk());
  }

  TempDir dir_;
  Progress progress_{stderr, ProgressStyle::kNone};
  CalibrateForecasterOptions options_ = {.bundle = dir_.File("series/1"),
                                         .data = dir_.File("dev.csv"),
                                         .out = dir_.File("series/2"),
                                         .progress = &progress_};
};

// The same forecasts, and how sure they are.
TEST_F(CalibrateForecasterTest, WritesTheQuantilesOfTheErrors) {
  const auto calibration = MeasureForecasterCalibration(options_);
  ASSERT_THAT(calibration, IsOk());
  EXPECT_EQ(calibration->residuals.forecasts, 100 - 6 - 2);
  EXPECT_EQ(calibration->sha256, *Sha256OfFile(options_.data));
  ASSERT_THAT(WriteCalibratedForecaster(options_, *calibration), IsOk());
  const auto before = Model::Load(options_.bundle);
  const auto after = Model::Load(options_.out);
  ASSERT_THAT(after, IsOk());
  const std::vector<float> history(12, 50);
  EXPECT_EQ(*Forecast(**before, history, 0), *Forecast(**after, history, 0));
  EXPECT_EQ((*after)->forecaster().quantiles->residuals,
            calibration->residuals.quantiles.residuals);
  EXPECT_EQ((*after)->manifest().forecaster().interval,
            TimeStep{.time = absl::Hours(1)});
  EXPECT_THAT((*after)->manifest().training,
              AllOf(HasSubstr("\"residual_quantiles\""), HasSubstr("dev.csv")));
  EXPECT_THAT(*ReadFile(JoinPath(options_.out, kCardFile)),
              AllOf(HasSubstr("# A tiny"), HasSubstr("92 forecasts")));
}

// Measured anew, those of before are gone.
TEST_F(CalibrateForecasterTest, ReplacesWhatWasMeasuredBefore) {
  auto calibration = MeasureForecasterCalibration(options_);
  ASSERT_THAT(WriteCalibratedForecaster(options_, *calibration), IsOk());
  options_.bundle = options_.out;
  options_.out = dir_.File("series/3");
  options_.first_row = 50;
  calibration = MeasureForecasterCalibration(options_);
  ASSERT_THAT(calibration, IsOk());
  EXPECT_EQ(calibration->residuals.forecasts, 48);
  ASSERT_THAT(WriteCalibratedForecaster(options_, *calibration), IsOk());
  EXPECT_EQ(
      (*Model::Load(options_.out))->forecaster().quantiles->levels.front(),
      0.025f);
  EXPECT_THAT(*ReadFile(JoinPath(options_.out, kCardFile)),
              AllOf(HasSubstr("# A tiny"), HasSubstr("48 forecasts"),
                    Not(HasSubstr("92 forecasts"))));
}

TEST_F(CalibrateForecasterTest, RefusesWhatCannotBeMeasured) {
  options_.first_row = 90;
  EXPECT_THAT(MeasureForecasterCalibration(options_),
              StatusIs(kInvalid, HasSubstr("at least 101 rows")));
  options_.bundle = dir_.File("words/1");
  ASSERT_THAT(WriteTinyBundle(options_.bundle, {"good", "bad"}, 1), IsOk());
  EXPECT_THAT(MeasureForecasterCalibration(options_),
              StatusIs(kInvalid, HasSubstr("expected a forecaster")));
}

}  // namespace
}  // namespace carousel
