// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/run_pool.h"

#include <atomic>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class RunPoolTest : public testing::Test {
 protected:
  RunPoolTest() : progress_(stderr, ProgressStyle::kNone) {}

  // Runs that say their own number and count how often they ran.
  std::vector<ExperimentRun> Runs(int count) {
    std::vector<ExperimentRun> runs;
    for (int i = 0; i < count; ++i) {
      runs.push_back({.key = absl::StrCat("run ", i),
                      .max_updates = 10,
                      .run = [this, i](RunMonitor* monitor)
                          -> absl::StatusOr<nlohmann::ordered_json> {
                        ++computed_;
                        monitor->Advance(5, "half");
                        if (i == fails_) return absl::InternalError("it broke");
                        return nlohmann::ordered_json{{"number", i}};
                      }});
    }
    return runs;
  }

  absl::StatusOr<std::vector<nlohmann::ordered_json>> Run(int count) {
    auto store = RunStore::Open(path_);
    if (!store.ok()) return store.status();
    return RunAll({.experiment = "test",
                   .threads = 2,
                   .store = store->get(),
                   .progress = &progress_},
                  Runs(count));
  }

  TempDir dir_;
  const std::string path_ = dir_.File("test.runs.jsonl");
  Progress progress_;
  std::atomic<int> computed_ = 0;
  int fails_ = -1;
};

// Two at once must not mix up whose result is whose.
TEST_F(RunPoolTest, ResultsComeInTheOrderOfTheRuns) {
  const auto results = Run(9);
  ASSERT_THAT(results, IsOkAndHolds(SizeIs(9)));
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ((*results)[static_cast<size_t>(i)]["number"], i);
  }
}

// An experiment of an hour that was stopped does not begin again.
TEST_F(RunPoolTest, FinishedRunsAreNotComputedAgain) {
  ASSERT_THAT(Run(3), IsOk());
  EXPECT_EQ(computed_, 3);
  const auto results = Run(5);
  ASSERT_THAT(results, IsOkAndHolds(SizeIs(5)));
  EXPECT_EQ(computed_, 5);
  EXPECT_EQ((*results)[1]["number"], 1);
}

// A crash may leave half a line; the run of that line is computed again.
TEST_F(RunPoolTest, HalfALineIsPassedOver) {
  ASSERT_THAT(Run(2), IsOk());
  std::string content = ReadFile(path_).value_or("");
  content.resize(content.size() - 4);
  ASSERT_THAT(WriteFileAtomically(path_, content), IsOk());
  ASSERT_THAT(Run(2), IsOkAndHolds(SizeIs(2)));
  EXPECT_EQ(computed_, 3);
  ASSERT_THAT(Run(2), IsOk());
  EXPECT_EQ(computed_, 3);
}

// What went wrong is said, and what was finished before is kept.
TEST_F(RunPoolTest, AnErrorEndsTheExperiment) {
  fails_ = 2;
  EXPECT_THAT(Run(3),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("it broke")));
  EXPECT_THAT(ReadFile(path_), IsOkAndHolds(HasSubstr("run 0")));
}

}  // namespace
}  // namespace carousel
