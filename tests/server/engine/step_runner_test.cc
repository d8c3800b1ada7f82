// SPDX-License-Identifier: Apache-2.0

#include "server/engine/step_runner.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "server/engine/step_scheduler.h"
#include "server/engine/work.h"
#include "tests/server/engine/tiny_network.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

constexpr size_t kCacheBytes = size_t{1} << 20;

void ExpectSame(const std::vector<Suggestion>& a,
                const std::vector<Suggestion>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].insert, b[i].insert);
    EXPECT_NEAR(a[i].probability, b[i].probability, 1e-5);
  }
}

std::string Words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += i % 3 == 0 ? "the " : "house ";
  return text;
}

class StepRunnerTest : public ::testing::Test {
 protected:
  explicit StepRunnerTest(size_t cache_bytes = kCacheBytes)
      : states_(std::make_shared<NetworkStates>(
            tiny_.network()->sizes().stack(), cache_bytes,
            PrefixHashKey{.words = {1, 3, 5, 7}})) {}

  std::unique_ptr<Sequence> Start(const std::string& text) {
    Job job = tiny_.MakeJob(text);
    return Sequence::Start(&job, states_).value();
  }

  // All of them by the scheduler's batches, as a worker does.
  void RunAll(const std::vector<std::unique_ptr<Sequence>>& sequences,
              const StepSchedulerOptions& options = {}) {
    StepScheduler scheduler(1, options);
    const auto add = [&](size_t i) {
      if (sequences[i]->finished()) return;
      scheduler.Add(0, {.id = static_cast<int64_t>(i),
                        .pending = sequences[i]->pending(),
                        .question = sequences[i]->question()});
    };
    for (size_t i = 0; i < sequences.size(); ++i) add(i);
    while (!scheduler.empty()) {
      const StepBatch batch = scheduler.Next(0);
      std::vector<Sequence*> members;
      for (int64_t id : batch.ids) {
        members.push_back(sequences[static_cast<size_t>(id)].get());
      }
      ASSERT_THAT(batch.steps > 0 ? RunSteps(members, batch.steps, parts_)
                                  : RunOutputs(members, parts_),
                  IsOk());
      for (int64_t id : batch.ids) add(static_cast<size_t>(id));
    }
  }

  std::vector<Suggestion> Run(const std::string& text) {
    std::vector<std::unique_ptr<Sequence>> one;
    one.push_back(Start(text));
    RunAll(one);
    tokens_fed_ = one[0]->tokens_fed();
    return one[0]->Suggestions();
  }

  TinyNetwork tiny_;
  std::shared_ptr<NetworkStates> states_;
  OneThread one_thread_;
  Parts* parts_ = &one_thread_;
  int64_t tokens_fed_ = 0;
};

// Chunks and the state kept between queries must not show in the answer.
TEST_F(StepRunnerTest, GivesWhatTheNetworkSays) {
  for (const std::string& text :
       {std::string(), std::string("I would like to"), std::string("I wo"),
        std::string("xyzzy"), Words(1), Words(200)}) {
    ExpectSame(Run(text), tiny_.Expected(text));
  }
}

// A state that was remembered is the state that would be computed.
TEST_F(StepRunnerTest, TextThatBeginsLikeAnotherGivesWhatItGivesAlone) {
  Run("I would like");
  const std::string longer = "I would like to you the h";
  ExpectSame(Run(longer), tiny_.Expected(longer));
  EXPECT_GT(states_->cache.stats().hits, 0);
}

// The words after a text are kept with its state: who asks again has nothing
// computed, and fewer words are among more.
TEST_F(StepRunnerTest, QuestionThatWasAnsweredIsNotAskedAgain) {
  Run("I would ");
  Job job = tiny_.MakeJob("I would ");
  job.options.max_suggestions = 2;
  const auto again = Sequence::Start(&job, states_).value();
  ASSERT_TRUE(again->finished());
  EXPECT_EQ(states_->cache.stats().answers, 1);
  const std::vector<Suggestion> all = tiny_.Expected("I would ");
  ExpectSame(again->Suggestions(), {all.begin(), all.begin() + 2});
}

// More words than are known are another question.
TEST_F(StepRunnerTest, MoreWordsThanAreKnownAreAskedFor) {
  Run("I would ");
  Job job = tiny_.MakeJob("I would ");
  job.options.max_suggestions = 10;
  EXPECT_FALSE(Sequence::Start(&job, states_).value()->finished());
}

// A newer keystroke drops the older one's answer, not what was read for it.
TEST_F(StepRunnerTest, WhatAnAbandonedSequenceHasReadIsRemembered) {
  const auto sequence = Start(Words(9) + " ");
  Sequence* const one[] = {sequence.get()};
  ASSERT_THAT(RunSteps(one, 4, parts_), IsOk());
  sequence->Abandon();
  Run(Words(9) + " ");
  EXPECT_EQ(tokens_fed_, 10 - 4);  // <eos> and nine words
}

// Parts in any number and order.
class BackwardParts : public OneThread {
 public:
  int threads() const override { return 3; }
  absl::Status Run(int count, RunPart run) override {
    absl::Status status;
    for (int part = count - 1; part >= 0; --part) {
      status.Update(run(part, 0, scratch()));
    }
    return status;
  }
};

TEST_F(StepRunnerTest, SharedWorkGivesWhatOneThreadGives) {
  BackwardParts backward;
  parts_ = &backward;
  std::vector<std::unique_ptr<Sequence>> sequences;
  const std::string texts[] = {"I would like ", "the house ", "you ", "I ",
                               "to the "};
  for (const std::string& text : texts) sequences.push_back(Start(text));
  RunAll(sequences);
  for (size_t i = 0; i < sequences.size(); ++i) {
    ExpectSame(sequences[i]->Suggestions(), tiny_.Expected(texts[i]));
  }
}

// A keystroke inside a word feeds nothing.
TEST_F(StepRunnerTest, OnlyWhatIsNewIsFed) {
  Run("I would ");
  EXPECT_EQ(tokens_fed_, 3);  // <eos> I would
  Run("I would l");
  EXPECT_EQ(tokens_fed_, 0);
  Run("I would like ");
  EXPECT_EQ(tokens_fed_, 1);
}

class StepRunnerWithoutCacheTest : public StepRunnerTest {
 protected:
  StepRunnerWithoutCacheTest() : StepRunnerTest(0) {}
};

// A later query extends the earlier one: nothing is computed twice.
TEST_F(StepRunnerWithoutCacheTest, FeedsEveryTokenOnce) {
  int64_t longest = 0;
  Completion completion = tiny_.Start("I would like to");
  while (const auto query = completion.Next()) {
    longest = static_cast<int64_t>(query->tokens.size());
    completion.Answer(
        std::vector<float>(static_cast<size_t>(query->ranks.size())));
  }
  Run("I would like to");
  EXPECT_EQ(tokens_fed_, longest);
}

// Random mixes of texts, joining at any place of the schedule: each gives what
// it gives alone.
TEST_F(StepRunnerWithoutCacheTest, AloneIsAsInAnyBatch) {
  Random random(3);
  const std::string words[] = {"the ",   "house ", "I ",
                               "would ", "like ",  "to "};
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> texts;
    std::vector<std::unique_ptr<Sequence>> sequences;
    const auto count = 1 + random.Below(9);
    for (uint64_t i = 0; i < count; ++i) {
      std::string text;
      const auto length = random.Below(12);
      for (uint64_t k = 0; k < length; ++k) text += words[random.Below(6)];
      if (random.Below(2) == 0) text += "ho";
      texts.push_back(text);
      sequences.push_back(Start(text));
    }
    RunAll(sequences, {.max_rows = 1 + static_cast<int>(random.Below(6)),
                       .max_steps = 1 + static_cast<int>(random.Below(8)),
                       .max_cells = 16});
    for (size_t i = 0; i < texts.size(); ++i) {
      ExpectSame(sequences[i]->Suggestions(), tiny_.Expected(texts[i]));
    }
  }
}

// Nothing can be said about it, so nothing is computed for it.
TEST_F(StepRunnerTest, TextThatNothingCompletesIsFinishedAtOnce) {
  EXPECT_TRUE(Start("#x")->finished());
}

// A deadline counts more than the cancellation that follows from it.
TEST(CheckWantedTest, DeadlineIsReportedBeforeCancellation) {
  const JobTerms terms = {
      .deadline = absl::UnixEpoch(),
      .cancelled = std::make_shared<std::atomic<bool>>(true)};
  EXPECT_THAT(CheckWanted(terms, absl::UnixEpoch()),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(CheckWanted(terms, absl::UnixEpoch() - absl::Seconds(1)),
              StatusIs(absl::StatusCode::kCancelled));
}

// No deadline, no flag: somebody waits for ever.
TEST(CheckWantedTest, JobWithoutDeadlineAndFlagIsWanted) {
  EXPECT_THAT(CheckWanted(JobTerms(), absl::UnixEpoch()), IsOk());
}

}  // namespace
}  // namespace carousel
