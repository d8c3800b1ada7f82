// SPDX-License-Identifier: Apache-2.0

#include "server/engine/step_scheduler.h"

#include <limits>
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
    .max_rows = 4, .max_steps = 8, .max_cells = 16, .max_output_cells = 16};

class StepSchedulerTableTest : public ::testing::TestWithParam<Case> {};

TEST_P(StepSchedulerTableTest, NextBatchIsTheOneExpected) {
  StepScheduler scheduler(1, kOptions);
  for (const ReadySequence& sequence : GetParam().waiting) {
    scheduler.Add(0, sequence);
  }
  const StepBatch batch = scheduler.Next(0);
  EXPECT_EQ(batch.ids, GetParam().ids);
  EXPECT_EQ(batch.steps, GetParam().steps);
  EXPECT_EQ(scheduler.size(), GetParam().waiting.size() - batch.ids.size());
}

INSTANTIATE_TEST_SUITE_P(
    Table, StepSchedulerTableTest,
    ::testing::Values(
        Case{.name = "NobodyWaits"},
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
        Case{.name = "WhereAnyNumberOfStepsWillDoAllAreTaken",
             .waiting = {{.id = 1, .pending = 7, .any_steps = true},
                         {.id = 2, .pending = 5}},
             .ids = {1, 2},
             .steps = 5},
        Case{.name = "AnyNumberOfStepsFillsTheBatch",
             .waiting = {{.id = 1, .pending = 7, .any_steps = true},
                         {.id = 2, .pending = 7},
                         {.id = 3, .pending = 7}},
             .ids = {1, 2, 3},
             .steps = 5},
        Case{.name = "ChunksAreBounded",
             .waiting = {{.id = 1, .pending = 1000}},
             .ids = {1},
             .steps = 8},
        Case{.name = "NobodyIsFedMoreThanTheyHave",
             .waiting = {{.id = 1, .pending = 100}, {.id = 2, .pending = 3}},
             .ids = {1, 2},
             .steps = 2},
        // What an output costs may differ.
        Case{.name = "OutputsAreTakenUntilTheirCellsAreFull",
             .waiting = {{.id = 1, .question = 1, .cells = 8},
                         {.id = 2, .question = 1, .cells = 9},
                         {.id = 3, .question = 1, .cells = 6},
                         {.id = 4, .question = 1, .cells = 2},
                         {.id = 5, .question = 1, .cells = 1}},
             .ids = {1, 3, 4},
             .steps = 0},
        Case{.name = "OneOutputIsTakenWhateverItCosts",
             .waiting = {{.id = 1, .question = 1, .cells = 99},
                         {.id = 2, .question = 1, .cells = 1}},
             .ids = {1},
             .steps = 0},
        // Two more chunks would be two more waits.
        Case{.name = "ShortOneIsNotHeldUpByShorterOnes",
             .waiting = {{.id = 1, .pending = 7},
                         {.id = 2, .pending = 1},
                         {.id = 3, .pending = 4}},
             .ids = {1, 3},
             .steps = 4},
        Case{.name = "ChunksOfManyRowsAreBounded",
             .waiting = {{.id = 1, .pending = 8},
                         {.id = 2, .pending = 8},
                         {.id = 3, .pending = 8}},
             .ids = {1, 2},
             .steps = 8},
        Case{.name = "ShortOneTakesFewLongOnesAlong",
             .waiting = {{.id = 1, .pending = 4},
                         {.id = 2, .pending = 100},
                         {.id = 3, .pending = 100},
                         {.id = 4, .pending = 5}},
             .ids = {1, 2, 4},
             .steps = 4},
        Case{.name = "WhatIsDueFirstGoesFirst",
             .waiting = {{.id = 1, .pending = 1, .due = 30},
                         {.id = 2, .pending = 1, .due = 10},
                         {.id = 3, .pending = 1, .due = 20},
                         {.id = 4, .pending = 1, .due = 10},
                         {.id = 5, .pending = 1, .due = 40}},
             .ids = {2, 4, 3, 1},
             .steps = 1},
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

// Who is fed joins behind those that have not been, if they are due at once.
TEST(StepSchedulerTest, EverybodyHasTheirTurn) {
  StepScheduler scheduler(1, {.max_rows = 2, .max_steps = 1, .max_cells = 2});
  for (int64_t id = 1; id <= 5; ++id) {
    scheduler.Add(0, {.id = id, .pending = 9});
  }
  std::vector<int64_t> served;
  for (int i = 0; i < 5; ++i) {
    const StepBatch batch = scheduler.Next(0);
    for (int64_t id : batch.ids) {
      served.push_back(id);
      scheduler.Add(0, {.id = id, .pending = 8});
    }
  }
  EXPECT_THAT(served, ElementsAre(1, 2, 3, 4, 5, 1, 2, 3, 4, 5));
}

// One that is fed a token at a time, among short ones that never end.
int BatchesUntilDone(int pending) {
  StepScheduler scheduler(1, {.max_rows = 2, .max_steps = 1, .max_cells = 2});
  const int64_t due = scheduler.DueAfter(pending, 3);
  scheduler.Add(0, {.id = 0, .pending = pending, .due = due});
  for (int64_t id = 1; id <= 1000; ++id) {
    for (int i = 0; i < 2; ++i) {  // as many as a batch has room for
      scheduler.Add(0,
                    {.id = id, .pending = 1, .due = scheduler.DueAfter(1, 3)});
    }
    for (int64_t served : scheduler.Next(0).ids) {
      if (served != 0) continue;
      if (--pending == 0) return static_cast<int>(id);
      scheduler.Add(0, {.id = 0, .pending = pending, .due = due});
    }
  }
  return std::numeric_limits<int>::max();
}

// It gets about half of what it would have of a machine shared out equally.
TEST(StepSchedulerTest, LongOneIsDoneInTimeAmongEndlessShortOnes) {
  EXPECT_LE(BatchesUntilDone(1), 3);
  EXPECT_GT(BatchesUntilDone(20), 20);
  EXPECT_LE(BatchesUntilDone(20), 80);
  EXPECT_LE(BatchesUntilDone(100), 400);
}

// The one that comes last and has least to do.
TEST(StepSchedulerTest, ShortOneOvertakesLongOnes) {
  StepScheduler scheduler(1, kOptions);
  for (int64_t id = 1; id <= 9; ++id) {
    scheduler.Add(
        0, {.id = id, .pending = 500, .due = scheduler.DueAfter(500, 10)});
  }
  scheduler.Next(0);
  scheduler.Add(0, {.id = 99, .pending = 2, .due = scheduler.DueAfter(2, 10)});
  EXPECT_EQ(scheduler.Next(0).ids.front(), 99);
}

// Rather two batches of eight steps than eight of two.
TEST(StepSchedulerTest, OfManyLongTextsSomeGoOnToTheirEnd) {
  StepScheduler scheduler(1, {.max_cells = 16, .long_rows = 2});
  for (int64_t id : {1, 2, 3, 4}) {
    scheduler.Add(0, {.id = id, .pending = 100, .due = id});
  }
  for (int fed = 0; fed < 96; fed += 8) {
    const StepBatch batch = scheduler.Next(0);
    ASSERT_THAT(batch.ids, ElementsAre(1, 2));
    ASSERT_EQ(batch.steps, 8);
    for (int64_t id : {1, 2}) {
      scheduler.Add(0,
                    {.id = id, .pending = 92 - fed, .fed = fed + 8, .due = id});
    }
  }
  // What is left of them is short, but they are in no hurry.
  EXPECT_THAT(scheduler.Next(0).ids, ElementsAre(1, 2, 3, 4));
}

// A product over the vocabulary takes as long as several tokens.
TEST(StepSchedulerTest, OutputsOfManyRowsAreBounded) {
  StepScheduler scheduler(1, {.max_rows = 64, .max_output_cells = 16});
  for (int64_t id = 1; id <= 9; ++id) scheduler.Add(0, {.id = id});
  EXPECT_EQ(scheduler.Next(0).ids.size(), 4u);
}

// A look at deadlines comes on their way, so more of them may go together.
TEST(StepSchedulerTest, WholeTextsHaveABoundOfTheirOwn) {
  StepScheduler scheduler(1, {.max_rows = 64,
                              .max_steps = 8,
                              .max_cells = 16,
                              .max_text_cells = 100,
                              .max_bulk_cells = 160});
  const auto add_texts = [&] {
    for (int64_t id = 1; id <= 9; ++id) {
      scheduler.Add(0, {.id = id, .cells = 20, .whole = true});
    }
  };
  scheduler.Add(0, {.id = 50, .pending = 3, .due = 1});
  add_texts();
  EXPECT_EQ(scheduler.Next(0).ids.size(), 5u);
  scheduler.Add(0, {.id = 99, .cells = 1000, .whole = true, .due = -1});
  EXPECT_THAT(scheduler.Next(0).ids, ElementsAre(99));
}

// Nobody waits for them then but their like.
TEST(StepSchedulerTest, WholeTextsAloneMakeLargerBatches) {
  StepScheduler scheduler(
      1, {.max_rows = 64, .max_text_cells = 100, .max_bulk_cells = 160});
  for (int64_t id = 1; id <= 9; ++id) {
    scheduler.Add(0, {.id = id, .cells = 20, .whole = true});
  }
  EXPECT_EQ(scheduler.Next(0).ids.size(), 8u);
}

// Whoever waits to be begun is not kept waiting for long either.
TEST(StepSchedulerTest, WholeTextsAreNotAloneWhileOthersWait) {
  StepScheduler scheduler(
      1, {.max_rows = 64, .max_text_cells = 100, .max_bulk_cells = 160});
  for (int64_t id = 1; id <= 9; ++id) {
    scheduler.Add(0, {.id = id, .cells = 20, .whole = true});
  }
  EXPECT_EQ(scheduler.Next(0, /*others=*/true).ids.size(), 5u);
}

// Texts of bulk, which come in the order of their ids.
class BulkSchedulerTest : public ::testing::Test {
 protected:
  void Add(int64_t id, int64_t length, bool bulk = true) {
    scheduler_.Add(0, {.id = id,
                       .question = length,
                       .cells = static_cast<int>(length),
                       .whole = true,
                       .bulk = bulk,
                       .due = id});
  }

  StepScheduler scheduler_{
      1, {.max_rows = 64, .max_bulk_cells = 80, .bulk_patience = 100}};
};

TEST_F(BulkSchedulerTest, TheFullestBatchGoesFirst) {
  Add(1, 10);
  for (int64_t id : {2, 3, 5}) Add(id, 20);
  Add(4, 10);
  EXPECT_THAT(scheduler_.Next(0).ids, ElementsAre(2, 3, 5));
  EXPECT_THAT(scheduler_.Next(0).ids, ElementsAre(1, 4));
}

// A long text by itself is more to compute, but not a full batch.
TEST_F(BulkSchedulerTest, FullIsABatchByItsRowsNotByItsWork) {
  Add(1, 40);
  for (int64_t id : {2, 3, 4, 5, 6}) Add(id, 8);
  Add(7, 40);
  Add(8, 70);
  EXPECT_THAT(scheduler_.Next(0).ids, ElementsAre(1, 7));
  EXPECT_THAT(scheduler_.Next(0).ids, ElementsAre(8));
  EXPECT_THAT(scheduler_.Next(0).ids, ElementsAre(2, 3, 4, 5, 6));
}

TEST_F(BulkSchedulerTest, MoreRowsThanABatchTakesDoNotCount) {
  StepScheduler scheduler(1, {.max_rows = 4, .max_bulk_cells = 80});
  for (int64_t id = 1; id <= 9; ++id) {
    const bool is_long = id % 3 == 1;
    scheduler.Add(0, {.id = id,
                      .question = is_long,
                      .cells = is_long ? 26 : 1,
                      .whole = true,
                      .bulk = true,
                      .due = id});
  }
  EXPECT_THAT(scheduler.Next(0).ids, ElementsAre(1, 4, 7));
}

// More than a batch takes count for nothing.
TEST_F(BulkSchedulerTest, OfFullBatchesTheOneThatIsDueGoesFirst) {
  for (int64_t id : {1, 2, 3, 4}) Add(id, 20);
  for (int64_t id : {5, 6, 7, 8, 9}) Add(id, 40);
  EXPECT_THAT(scheduler_.Next(0).ids, ElementsAre(1, 2, 3, 4));
}

TEST_F(BulkSchedulerTest, ATextOfARareLengthIsNotForgotten) {
  Add(1, 10);
  int64_t id = 2;
  std::vector<int64_t> ids;
  for (int batch = 0; batch < 3 && ids != std::vector<int64_t>{1}; ++batch) {
    for (int i = 0; i < 4; ++i) Add(id++, 20);
    ids = scheduler_.Next(0).ids;
  }
  EXPECT_THAT(ids, ElementsAre(1));
}

TEST_F(BulkSchedulerTest, WhereSomebodyElseWaitsWhatIsDueGoesFirst) {
  Add(1, 10);
  for (int64_t id : {2, 3}) Add(id, 20);
  EXPECT_THAT(scheduler_.Next(0, /*others=*/true).ids, ElementsAre(1));
  Add(4, 10, /*bulk=*/false);
  Add(1, 30);
  EXPECT_THAT(scheduler_.Next(0).ids, ElementsAre(1));
}

// Those that were together stay together, whoever is quicker.
TEST(StepSchedulerTest, WorkerTakesItsOwn) {
  StepScheduler scheduler(2, kOptions);
  for (int64_t id : {1, 2}) scheduler.Add(0, {.id = id, .pending = 1});
  for (int64_t id : {3, 4}) scheduler.Add(1, {.id = id, .pending = 1});
  EXPECT_THAT(scheduler.Next(1).ids, ElementsAre(3, 4));
  EXPECT_THAT(scheduler.Next(0).ids, ElementsAre(1, 2));
}

// Outputs over a vocabulary, and steps that lead to them.
class SharedOutputTest : public ::testing::Test {
 protected:
  static ReadySequence Sequence(int64_t id, int pending, int64_t due) {
    return {.id = id,
            .pending = pending,
            .question = 7,
            .shared = true,
            .due = due};
  }

  StepScheduler scheduler_{2, {.max_rows = 64, .max_output_cells = 16}};
};

TEST_F(SharedOutputTest, OutputsOfAllWorkersAreOneBatch) {
  for (int64_t id : {1, 2}) scheduler_.Add(0, Sequence(id, 0, 0));
  for (int64_t id : {3, 4, 5}) scheduler_.Add(1, Sequence(id, 0, 0));
  EXPECT_THAT(scheduler_.Next(0).ids, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(scheduler_.Next(1).ids, ElementsAre(5));
}

TEST_F(SharedOutputTest, OnlyTheSameOutputsAreOneBatch) {
  scheduler_.Add(0, Sequence(1, 0, 0));
  ReadySequence other = Sequence(2, 0, 0);
  other.question = 8;
  scheduler_.Add(1, other);
  other = Sequence(3, 0, 0);
  other.group = 1;
  scheduler_.Add(1, other);
  other = Sequence(4, 0, 0);
  other.shared = false;
  scheduler_.Add(1, other);
  EXPECT_THAT(scheduler_.Next(0).ids, ElementsAre(1));
}

TEST_F(SharedOutputTest, OneThatIsNotDueWaitsForThoseThatWillJoin) {
  scheduler_.Add(0, Sequence(1, 0, 100));
  scheduler_.Add(0, Sequence(2, 1, 101));
  const StepBatch steps = scheduler_.Next(0);
  EXPECT_THAT(steps.ids, ElementsAre(2));
  EXPECT_EQ(steps.steps, 1);
  scheduler_.Add(0, Sequence(2, 0, 101));
  EXPECT_THAT(scheduler_.Next(0).ids, ElementsAre(1, 2));
}

TEST_F(SharedOutputTest, OneOfALongTextWaitsForAnyForAWhile) {
  StepScheduler scheduler(1, {.output_patience = 64});
  ReadySequence first = Sequence(1, 0, 100000);
  first.fed = 1000;
  scheduler.Add(0, first);
  int fed = 0;
  for (;; fed += 8) {
    scheduler.Add(0, Sequence(2, 100, 100001));
    const StepBatch batch = scheduler.Next(0);
    if (batch.steps == 0) break;
    ASSERT_LT(fed, 1000);
    EXPECT_EQ(batch.steps, 8);
    EXPECT_THAT(batch.ids, ElementsAre(2));
  }
  EXPECT_EQ(fed, 64);
}

TEST_F(SharedOutputTest, OneThatIsDueWaitsForNobody) {
  scheduler_.Add(0, Sequence(1, 0, 0));
  scheduler_.Add(0, Sequence(2, 1, 1));
  EXPECT_THAT(scheduler_.Next(0).ids, ElementsAre(1));
}

TEST_F(SharedOutputTest, NobodyWaitsForALongTextOrForAnotherQuestion) {
  scheduler_.Add(0, Sequence(1, 0, 100));
  scheduler_.Add(0, Sequence(2, 500, 101));
  ReadySequence other = Sequence(3, 1, 102);
  other.question = 8;
  scheduler_.Add(0, other);
  EXPECT_THAT(scheduler_.Next(0).ids, ElementsAre(1));
}

// Whoever comes next may make it wait again, but not beyond its time.
TEST_F(SharedOutputTest, EndlessStepsDoNotKeepAnOutputWaiting) {
  scheduler_.Add(0, Sequence(1, 0, scheduler_.DueAfter(4, 2)));
  int batches = 0;
  for (int64_t id = 2;; ++id, ++batches) {
    scheduler_.Add(0, Sequence(id, 1, scheduler_.DueAfter(5, 2)));
    if (scheduler_.Next(0).ids.front() == 1) break;
    ASSERT_LT(batches, 100);
  }
  EXPECT_GT(batches, 0);
  EXPECT_LE(batches, 16);
}

TEST(StepSchedulerTest, WorkerWithoutAnyTakesHalfOfAnothers) {
  StepScheduler scheduler(3, kOptions);
  scheduler.Add(0, {.id = 9, .pending = 1});
  for (int64_t id : {1, 2, 3}) scheduler.Add(1, {.id = id, .pending = 1});
  EXPECT_THAT(scheduler.Next(2).ids, ElementsAre(1, 2));
  EXPECT_THAT(scheduler.Next(1).ids, ElementsAre(3));
  EXPECT_THAT(scheduler.Next(1).ids, ElementsAre(9));
}

TEST(StepSchedulerTest, WhoLeavesIsNotServedAgain) {
  StepScheduler scheduler(1, kOptions);
  scheduler.Add(0, {.id = 1, .pending = 1});
  EXPECT_THAT(scheduler.Next(0).ids, ElementsAre(1));
  EXPECT_THAT(scheduler.Next(0).ids, IsEmpty());
  EXPECT_TRUE(scheduler.empty());
}

}  // namespace
}  // namespace carousel
