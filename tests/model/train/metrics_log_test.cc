// SPDX-License-Identifier: Apache-2.0

#include "model/train/metrics_log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/train/loss_figure.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::HasSubstr;
using testing::Not;

class MetricsLogTest : public testing::Test {
 protected:
  TempDir dir_;
  const std::string path_ = dir_.File("metrics.jsonl");
};

// Whoever watches the run reads the file while it grows.
TEST_F(MetricsLogTest, EveryLineIsFlushed) {
  auto log = MetricsLog::Open(path_, 0);
  ASSERT_THAT(log, IsOk());
  ASSERT_THAT((*log)->Write({{"step", 1}, {"loss", 2.5}}), IsOk());
  EXPECT_THAT(ReadFile(path_), IsOkAndHolds("{\"step\":1,\"loss\":2.5}\n"));
}

// A resumed run writes the steps after its checkpoint once more; a crash may
// leave half a line.
TEST_F(MetricsLogTest, ResumingDropsWhatComesAgain) {
  ASSERT_THAT(WriteFileAtomically(path_,
                                  "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n"
                                  "{\"st"),
              IsOk());
  auto log = MetricsLog::Open(path_, 2);
  ASSERT_THAT(log, IsOk());
  ASSERT_THAT((*log)->Write({{"step", 4}}), IsOk());
  EXPECT_THAT(ReadFile(path_),
              IsOkAndHolds("{\"step\":1}\n{\"step\":2}\n{\"step\":4}\n"));
}

// A new run does not go on in an old one's log.
TEST_F(MetricsLogTest, ANewRunBeginsANewFile) {
  ASSERT_THAT(WriteFileAtomically(path_, "{\"step\":1}\n"), IsOk());
  ASSERT_THAT(MetricsLog::Open(path_, 0), IsOk());
  EXPECT_THAT(ReadFile(path_), IsOkAndHolds(""));
}

// Both curves, each from its own lines.
TEST(LossFigureTest, ScriptHasBothCurves) {
  const std::string script = LossFigureScript(
      "{\"step\":50,\"perplexity\":90.5}\n"
      "{\"step\":60,\"dev_perplexity\":80.25}\n",
      "loss.svg");
  EXPECT_THAT(script, HasSubstr("\n50 90.5\n"));
  EXPECT_THAT(script, HasSubstr("\n60 80.25\n"));
  EXPECT_THAT(script, HasSubstr("plot $train"));
  EXPECT_THAT(LossFigureScript("{\"step\":50,\"perplexity\":90.5}\n", "x"),
              Not(HasSubstr("plot $train with lines lw 1 title 'training', ")));
}

// The very first evaluation may come before anything is logged.
TEST(LossFigureTest, NothingToDrawIsSaid) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("metrics.jsonl"), ""), IsOk());
  EXPECT_THAT(DrawLossFigure(dir.path()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

// Training goes on without gnuplot; with it, there is a figure.
TEST(LossFigureTest, DrawsOrSaysThatGnuplotIsMissing) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("metrics.jsonl"),
                                  "{\"step\":1,\"perplexity\":9}\n"
                                  "{\"step\":2,\"perplexity\":8}\n"),
              IsOk());
  const absl::Status status = DrawLossFigure(dir.path());
  if (absl::IsNotFound(status)) {
    EXPECT_THAT(status,
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("gnuplot")));
    return;
  }
  ASSERT_THAT(status, IsOk());
  EXPECT_THAT(ReadFile(dir.File("loss.svg")), IsOkAndHolds(HasSubstr("<svg")));
}

}  // namespace
}  // namespace carousel
