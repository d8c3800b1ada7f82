// SPDX-License-Identifier: Apache-2.0
//
// Texts of which only the reading is asked for.

#include <atomic>
#include <latch>
#include <memory>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/engine.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class ReadWorkTest : public testing::Test {
 protected:
  ReadWorkTest() {
    EXPECT_THAT(WriteTinyBundle(dir_.File("en/1"), {"the", "house"}, 1),
                IsOk());
    model_ = Model::Load(dir_.File("en/1")).value();
  }

  absl::StatusOr<ReadAnswer> Read(Engine* engine, ReadJob job) {
    absl::StatusOr<ReadAnswer> result = absl::UnknownError("");
    std::latch done(1);
    job.model = model_;
    job.done = [&](absl::StatusOr<ReadAnswer> answer, const JobReport& report) {
      result = std::move(answer);
      report_ = report;
      done.count_down();
    };
    engine->Submit(std::move(job));
    done.wait();
    return result;
  }

  absl::Status Complete(Engine* engine, const std::string& text) {
    absl::Status status;
    std::latch done(1);
    Job job;
    job.network =
        std::shared_ptr<const LanguageModel>(model_, &model_->network());
    job.tokenizer = &model_->tokenizer();
    job.text = text;
    job.done = [&](JobResult result) {
      status = result.suggestions.status();
      done.count_down();
    };
    engine->Submit(std::move(job));
    done.wait();
    return status;
  }

  TempDir dir_;
  FakeClock clock_;
  std::shared_ptr<const Model> model_;
  JobReport report_;
};

// It waits in the queue like any other, and no network is asked.
TEST_F(ReadWorkTest, TextIsCutAndNothingComputed) {
  Engine engine({.workers = 1}, clock_);
  const auto answer = Read(&engine, {.text = "the house "});
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(answer->text.tokens, SizeIs(3));
  EXPECT_EQ(answer->cached, 0u);
  EXPECT_TRUE(report_.queue.has_value());
  EXPECT_EQ(engine.stats().tokens, 0);
  EXPECT_EQ(engine.stats().batches, 0);
  EXPECT_EQ(engine.stats().cache.misses, 0);
}

TEST_F(ReadWorkTest, TellsHowMuchIsRemembered) {
  Engine engine({.workers = 1}, clock_);
  ASSERT_THAT(Complete(&engine, "the house "), IsOk());
  EXPECT_EQ(Read(&engine, {.text = "the house the "})->cached, 3u);
  EXPECT_EQ(Read(&engine, {.text = "house the "})->cached, 0u);
  EXPECT_GT(engine.cache_stats(model_->network()).entries, 0u);
}

// Another engine, or another network, remembers nothing of it.
TEST_F(ReadWorkTest, NetworkThatWasNeverAskedHasNothing) {
  Engine engine({.workers = 1}, clock_);
  EXPECT_EQ(engine.cache_stats(model_->network()).entries, 0u);
}

TEST_F(ReadWorkTest, NobodyWaitsNothingIsDone) {
  Engine engine({.workers = 1}, clock_);
  EXPECT_THAT(Read(&engine, {.text = "the", .deadline = clock_.Now()}),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(
      Read(&engine, {.text = "the",
                     .cancelled = std::make_shared<std::atomic<bool>>(true)}),
      StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(ReadWorkTest, TextThatIsNotUtf8IsRefused) {
  Engine engine({.workers = 1}, clock_);
  EXPECT_THAT(Read(&engine, {.text = "\xff"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
  EXPECT_EQ(engine.stats().running, 0);
}

}  // namespace
}  // namespace carousel
