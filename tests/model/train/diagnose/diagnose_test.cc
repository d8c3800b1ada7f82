// SPDX-License-Identifier: Apache-2.0
//
// Whole experiments, with next to no training: that they run and say what they
// should, not what they find.

#include "model/train/diagnose/diagnose.h"

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class DiagnoseTest : public testing::Test {
 protected:
  DiagnoseTest() : progress_(log_, ProgressStyle::kLines) {
    options_.out = dir_.File("out");
    options_.effort = 0.0005;
  }
  ~DiagnoseTest() override { std::fclose(log_); }

  std::string Read(const std::string& name) {
    return ReadFile(options_.out + "/" + name).value_or("");
  }
  nlohmann::json Numbers(const std::string& experiment) {
    return nlohmann::json::parse(Read(experiment + ".json"), nullptr, false);
  }
  bool HasGnuplot() {
    return !Read("fixed-points.svg").empty() || !Read("clipping.svg").empty();
  }

  TempDir dir_;
  std::FILE* const log_ = std::fopen(dir_.File("log").c_str(), "w");
  DiagnoseOptions options_;
  Progress progress_;
};

// Numbers, words and figures, of the map that was asked for.
TEST_F(DiagnoseTest, FixedPointsAreFoundAndDrawn) {
  options_.weight = 3;
  options_.bias = 0.25;
  ASSERT_THAT(Diagnose("fixed-points", options_, &progress_), IsOk());
  const nlohmann::json maps = Numbers("fixed-points")["maps"];
  ASSERT_THAT(maps, SizeIs(3));
  EXPECT_EQ(maps[0]["cycles"][0]["kind"], "sink");
  EXPECT_EQ(maps[1]["cycles"].back()["period"], 4);
  EXPECT_EQ(maps[2]["formula"], "tanh(3 x + 0.25)");
  EXPECT_THAT(Read("fixed-points.md"),
              AllOf(HasSubstr("--weight=3 --bias=0.25"), HasSubstr("| 4 | "),
                    HasSubstr("(fixed-points-unit.svg)")));
  EXPECT_THAT(Read("fixed-points.gp"), HasSubstr("diagonal"));
  if (HasGnuplot()) {
    EXPECT_THAT(Read("fixed-points-logistic.svg"), HasSubstr("</svg>"));
  }
}

// Every experiment on one page, and each run kept.
TEST_F(DiagnoseTest, AllTellsEveryExperiment) {
  ASSERT_THAT(Diagnose("all", options_, &progress_), IsOk());
  const std::string page = Read("EXPERIMENTS.md");
  for (const Experiment* experiment : Experiments()) {
    const std::string name = experiment->name;
    EXPECT_THAT(page, AllOf(HasSubstr(absl::StrCat("## ", experiment->title)),
                            HasSubstr("diagnose " + name),
                            HasSubstr("](experiments/" + name + ".svg)")));
    EXPECT_EQ(Numbers("experiments/" + name)["experiment"], name);
  }
  EXPECT_THAT(page, Not(HasSubstr("nan")));

  // Nothing is left to do a second time.
  options_.out += "/experiments";
  const std::string runs = Read("long-memory.runs.jsonl");
  EXPECT_THAT(runs, HasSubstr("adding lstm T=100"));
  ASSERT_THAT(Diagnose("long-memory", options_, &progress_), IsOk());
  EXPECT_EQ(Read("long-memory.runs.jsonl"), runs);
}

// A mistyped name is answered with those that there are.
TEST_F(DiagnoseTest, UnknownNamesAreRefused) {
  EXPECT_THAT(Diagnose("long-mem", options_, &progress_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("long-memory"), HasSubstr("all"))));
}

}  // namespace
}  // namespace carousel
