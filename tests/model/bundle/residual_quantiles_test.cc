// SPDX-License-Identifier: Apache-2.0
//
// What a file of quantiles may not hold: forecaster_bundle_test.cc.

#include "model/bundle/residual_quantiles.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_forecaster.h"

namespace carousel {
namespace {

using testing::HasSubstr;

// Two steps of two series at three levels.
ResidualQuantiles Quantiles() {
  return {.steps = 2,
          .series = 2,
          .levels = {0.25f, 0.5f, 1.0f - 0.125f},
          .residuals = {-1, 0, 3, -2, 0, 6, -4, 1, 13, -8, 2, 26}};
}

TEST(ResidualQuantilesTest, MeasuredLevelsAreGivenAsTheyAre) {
  const ResidualQuantiles quantiles = Quantiles();
  EXPECT_EQ(quantiles.At(0, 0, 0.25f), -1);
  EXPECT_EQ(quantiles.At(0, 1, 0.5f), 0);
  EXPECT_EQ(quantiles.At(1, 0, 0.875f), 13);
  EXPECT_EQ(quantiles.At(1, 1, 0.25f), -8);
}

TEST(ResidualQuantilesTest, LevelsBetweenTwoLieOnALine) {
  const ResidualQuantiles quantiles = Quantiles();
  EXPECT_DOUBLE_EQ(quantiles.At(0, 0, 0.375f), -0.5);
  EXPECT_DOUBLE_EQ(quantiles.At(1, 1, 0.6875f), 2 + 24 / 2.0);
}

// Beyond the outermost ones nothing is known.
TEST(ResidualQuantilesTest, OthersAreNotCovered) {
  const ResidualQuantiles quantiles = Quantiles();
  EXPECT_TRUE(quantiles.Covers(0.25f));
  EXPECT_TRUE(quantiles.Covers(0.875f));
  for (const float level : {0.0f, 0.2499f, 0.8751f, 1.0f, -1.0f, NAN}) {
    EXPECT_FALSE(quantiles.Covers(level)) << level;
  }
  EXPECT_DEATH(quantiles.At(0, 0, 0.1f), "");
  EXPECT_DEATH(quantiles.At(2, 0, 0.5f), "");
  EXPECT_DEATH(quantiles.At(0, 2, 0.5f), "");
}

TEST(ResidualQuantilesTest, AreReadAsTheyWereWritten) {
  const TempDir dir;
  const std::string path = dir.File("quantiles");
  ASSERT_THAT(WriteResidualQuantiles(path, TinyQuantiles()), IsOk());
  const auto read = LoadResidualQuantiles(path, TinyForecasterSizes());
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->steps, 3);
  EXPECT_EQ(read->series, 2);
  EXPECT_EQ(read->levels, TinyQuantiles().levels);
  EXPECT_EQ(read->residuals, TinyQuantiles().residuals);
  EXPECT_THAT(LoadResidualQuantiles(dir.File("none"), TinyForecasterSizes()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
}

}  // namespace
}  // namespace carousel
