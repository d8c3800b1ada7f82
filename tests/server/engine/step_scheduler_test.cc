// SPDX-License-Identifier: Apache-2.0

#include "server/engine/step_scheduler.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Who waits, in the order of their coming, and what a worker gets.
struct Case {
  std::string name;
  std::vector<ReadySequence> waiting = {};
  std::vector<int64_t> ids = {};
  int steps = 0;
};

constexpr StepSchedulerOptions kOptions = {
    .max_rows = 4, .max_steps = 8, .max_cells = 16};

class StepSchedulerTableTest : public ::testing::TestWithParam<Case> {};

TEST_P(StepSchedulerTableTest, NextBatchIsTheOneExpected) {
  StepScheduler scheduler(kOptions);
  for (const ReadySequence& sequence : GetParam().waiting) {
    scheduler.Add(sequence);
  }
  const StepBatch batch = scheduler.Next();
  EXPECT_EQ(batch.ids, GetParam().ids);
  EXPECT_EQ(batch.steps, GetParam().steps);
  EXPECT_EQ(scheduler.size(), GetParam().waiting.size() - batch.ids.size());
}

INSTANTIATE_TEST_SUITE_P(
    Table, StepSchedulerTableTest,
    ::testing::Values(Case{.name = "NobodyWaits"},
                      Case{.name = "OneTokenIsOneStep",
                           .waiting = {{.id = 1, .pending = 1}},
                           .ids = {1},
                           .steps = 1},
                      Case{.name = "OutputIsNoStep",
                           .waiting = {{.id = 1, .pending = 0}},
                           .ids = {1},
                           .steps = 0},
                      // A power of two, so that there are few primitives.
                      Case{.name = "ManyTokensGoInOneChunk",
                           .waiting = {{.id = 1, .pending = 7}},
                           .ids = {1},
                           .steps = 4},
                      Case{.name = "ChunksAreBounded",
                           .waiting = {{.id = 1, .pending = 1000}},
                           .ids = {1},
                           .steps = 8},
                      Case{.name = "NobodyIsFedMoreThanTheyHave",
                           .waiting = {{.id = 1, .pending = 100},
                                       {.id = 2, .pending = 3}},
                           .ids = {1, 2},
                           .steps = 2},
                      Case{.name = "ManyRowsTakeShortChunks",
                           .waiting = {{.id = 1, .pending = 100},
                                       {.id = 2, .pending = 100},
                                       {.id = 3, .pending = 100},
                                       {.id = 4, .pending = 100}},
                           .ids = {1, 2, 3, 4},
                           .steps = 4},
                      Case{.name = "TheOldestGoFirstWhenThereAreTooMany",
                           .waiting = {{.id = 1, .pending = 1},
                                       {.id = 2, .pending = 1},
                                       {.id = 3, .pending = 1},
                                       {.id = 4, .pending = 1},
                                       {.id = 5, .pending = 1}},
                           .ids = {1, 2, 3, 4},
                           .steps = 1},
                      Case{.name = "StepsAndOutputsDoNotMix",
                           .waiting = {{.id = 1, .pending = 1},
                                       {.id = 2, .pending = 0},
                                       {.id = 3, .pending = 2}},
                           .ids = {1, 3},
                           .steps = 1},
                      Case{.name = "OutputsOfOtherRanksDoNotMix",
                           .waiting = {{.id = 1, .pending = 0, .question = 7},
                                       {.id = 2, .pending = 0, .question = 8},
                                       {.id = 3, .pending = 0, .question = 7}},
                           .ids = {1, 3},
                           .steps = 0},
                      Case{.name = "ModelsDoNotMix",
                           .waiting = {{.id = 1, .group = 7, .pending = 1},
                                       {.id = 2, .group = 8, .pending = 1},
                                       {.id = 3, .group = 7, .pending = 1}},
                           .ids = {1, 3},
                           .steps = 1}),
    [](const auto& test) { return test.param.name; });

// Who is fed joins behind those that have not been: a long text waits for the
// short ones, not they for it.
TEST(StepSchedulerTest, EverybodyHasTheirTurn) {
  StepScheduler scheduler({.max_rows = 2, .max_steps = 1, .max_cells = 2});
  for (int64_t id = 1; id <= 5; ++id) scheduler.Add({.id = id, .pending = 9});
  std::vector<int64_t> served;
  for (int i = 0; i < 5; ++i) {
    const StepBatch batch = scheduler.Next();
    for (int64_t id : batch.ids) {
      served.push_back(id);
      scheduler.Add({.id = id, .pending = 8});
    }
  }
  EXPECT_THAT(served, ElementsAre(1, 2, 3, 4, 5, 1, 2, 3, 4, 5));
}

TEST(StepSchedulerTest, WhoLeavesIsNotServedAgain) {
  StepScheduler scheduler(kOptions);
  scheduler.Add({.id = 1, .pending = 1});
  EXPECT_THAT(scheduler.Next().ids, ElementsAre(1));
  EXPECT_THAT(scheduler.Next().ids, IsEmpty());
  EXPECT_TRUE(scheduler.empty());
}

}  // namespace
}  // namespace carousel
