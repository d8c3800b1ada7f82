// SPDX-License-Identifier: Apache-2.0

#include "server/engine/completion_run.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/engine/tiny_network.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

class CompletionRunTest : public testing::Test {
 protected:
  Job MakeJob(const std::string& text) { return tiny_.MakeJob(text); }

  // Runs a job for `text`, asking `check` as a worker does.
  absl::StatusOr<std::vector<Suggestion>> Run(
      const std::string& text, absl::FunctionRef<absl::Status()> check) {
    tokens_fed_ = 0;
    return RunCompletion(MakeJob(text), check, &workspace_, &tokens_fed_);
  }

  TinyNetwork tiny_;
  LanguageModel::Workspace workspace_;
  int64_t tokens_fed_ = 0;
};

absl::Status GoOn() { return absl::OkStatus(); }

std::string Words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += i % 3 == 0 ? "the " : "house ";
  return text;
}

void ExpectSame(const std::vector<Suggestion>& a,
                const std::vector<Suggestion>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].insert, b[i].insert);
    EXPECT_NEAR(a[i].probability, b[i].probability, 1e-5);
  }
}

// Chunks and the state kept between queries must not show in the answer.
TEST_F(CompletionRunTest, GivesWhatTheNetworkSays) {
  for (const std::string& text :
       {std::string(), std::string("I would like to"), std::string("I wo"),
        std::string("xyzzy"), Words(1), Words(200)}) {
    const auto suggestions = Run(text, GoOn);
    ASSERT_THAT(suggestions, IsOk());
    ExpectSame(*suggestions, tiny_.Expected(text));
  }
}

// A later query extends the earlier one: nothing is computed twice.
TEST_F(CompletionRunTest, FeedsEveryTokenOnce) {
  int64_t longest = 0;
  Completion completion = tiny_.Start("I would like to");
  while (const auto query = completion.Next()) {
    longest = static_cast<int64_t>(query->tokens.size());
    completion.Answer(
        std::vector<float>(static_cast<size_t>(query->ranks.size())));
  }
  ASSERT_THAT(Run("I would like to", GoOn), IsOk());
  EXPECT_EQ(tokens_fed_, longest);
}

// A long text is given up in the middle: at most a chunk is fed in vain.
TEST_F(CompletionRunTest, StopsAtTheNextChunk) {
  int asked = 0;
  const auto stop_at_third = [&]() -> absl::Status {
    return ++asked < 3 ? absl::OkStatus() : absl::CancelledError("enough");
  };
  EXPECT_THAT(Run(Words(200), stop_at_third),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(tokens_fed_, 2 * kChunkTokens);
}

// A deadline counts more than the cancellation that follows from it.
TEST_F(CompletionRunTest, DeadlineIsReportedBeforeCancellation) {
  Job job = MakeJob("the");
  job.deadline = absl::UnixEpoch();
  job.cancelled = std::make_shared<std::atomic<bool>>(true);
  EXPECT_THAT(CheckWanted(job, absl::UnixEpoch()),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(CheckWanted(job, absl::UnixEpoch() - absl::Seconds(1)),
              StatusIs(absl::StatusCode::kCancelled));
}

// No deadline, no flag: somebody waits for ever.
TEST_F(CompletionRunTest, JobWithoutDeadlineAndFlagIsWanted) {
  EXPECT_THAT(CheckWanted(MakeJob("the"), absl::UnixEpoch()), IsOk());
}

}  // namespace
}  // namespace carousel
