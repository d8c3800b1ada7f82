// SPDX-License-Identifier: Apache-2.0

#include "model/train/calibrate.h"

#include <cstdio>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/model.h"
#include "model/tasks/classification.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class CalibrateTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteTinyClassifier(options_.bundle, {"good", "bad", "film"}),
                IsOk());
    // Whatever it says of a text, it is right three times of four.
    std::string lines;
    for (const char* text : {"good film", "bad", "film bad film"}) {
      const std::string label = LabelOf(options_.bundle, text);
      const std::string other = label == "positive" ? "negative" : "positive";
      for (const std::string& said : {label, label, label, other}) {
        lines += said + "\t" + text + "\n";
      }
    }
    ASSERT_THAT(WriteFileAtomically(options_.data, lines), IsOk());
  }

  static Classification Classify(const std::string& bundle,
                                 const std::string& text) {
    const auto model = Model::Load(bundle).value();
    return TextClassifier(*model).Classify({text}).value().front();
  }

  static std::string LabelOf(const std::string& bundle,
                             const std::string& text) {
    return Classify(bundle, text).best() == 0 ? "negative" : "positive";
  }

  TempDir dir_;
  Progress progress_{stderr, ProgressStyle::kNone};
  CalibrateOptions options_ = {.bundle = dir_.File("mood/1"),
                               .data = dir_.File("dev.tsv"),
                               .out = dir_.File("mood/2"),
                               .progress = &progress_};
};

TEST_F(CalibrateTest, LowersTheErrorOnTheData) {
  const auto calibration = MeasureCalibration(options_);
  ASSERT_THAT(calibration, IsOk());
  EXPECT_EQ(calibration->texts, 12);
  EXPECT_NE(calibration->temperature, 1);
  EXPECT_LT(calibration->error_after, calibration->error_before);
  EXPECT_EQ(calibration->sha256, *Sha256OfFile(options_.data));
}

// The bundle by itself says what the temperature makes of it.
TEST_F(CalibrateTest, WrittenBundleIsCalibratedAndKeepsItsLabels) {
  const auto calibration = MeasureCalibration(options_);
  ASSERT_THAT(calibration, IsOk());
  ASSERT_THAT(WriteCalibrated(options_, *calibration), IsOk());
  const auto model = Model::Load(options_.out);
  ASSERT_THAT(model, IsOk());
  const auto figures = EvaluateClassifier(**model, options_.data, {});
  ASSERT_THAT(figures, IsOk());
  EXPECT_NEAR(figures->calibration.ExpectedError(), calibration->error_after,
              0.01);
  EXPECT_EQ(figures->accuracy(), 0.75);
  EXPECT_THAT((*model)->manifest().training,
              AllOf(HasSubstr("\"calibration\""), HasSubstr("dev.tsv")));
  EXPECT_THAT(*ReadFile(JoinPath(options_.out, kCardFile)),
              AllOf(HasSubstr("# A tiny model"), HasSubstr("## Calibration")));
}

TEST_F(CalibrateTest, OnlyClassifiersAreCalibrated) {
  options_.bundle = dir_.File("words/1");
  ASSERT_THAT(WriteTinyBundle(options_.bundle, {"good", "bad"}, 1), IsOk());
  EXPECT_THAT(MeasureCalibration(options_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("expected a classifier")));
}

}  // namespace
}  // namespace carousel
