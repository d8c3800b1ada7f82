// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/sequence_tasks.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using testing::Ne;
using testing::SizeIs;

constexpr ProbeSizes kAdding = {
    .inputs = 2, .hidden = 4, .outputs = 1, .steps = 11, .rows = 64};
constexpr int kCopied = 2;
constexpr ProbeSizes kCopy = {.inputs = kCopySymbols + 2,
                              .hidden = 4,
                              .outputs = kCopySymbols,
                              .steps = 12,
                              .rows = 16};

// The definition: two marks, one in either half, and their numbers' sum.
TEST(AddingTest, TargetIsTheSumOfTheMarkedNumbers) {
  const ProbeBatch batch = MakeAddingBatch(kAdding, 1, BatchUse::kTraining, 0);
  ASSERT_THAT(batch.targets, SizeIs(kAdding.rows));
  for (int n = 0; n < kAdding.rows; ++n) {
    float sum = 0;
    int first_half = 0;
    int second_half = 0;
    for (int t = 0; t < kAdding.steps; ++t) {
      const size_t at = static_cast<size_t>(2 * (t * kAdding.rows + n));
      EXPECT_GE(batch.x[at], 0);
      EXPECT_LT(batch.x[at], 1);
      if (batch.x[at + 1] == 0) continue;
      EXPECT_EQ(batch.x[at + 1], 1);
      ++(t < kAdding.steps / 2 ? first_half : second_half);
      sum += batch.x[at];
    }
    EXPECT_EQ(first_half, 1);
    EXPECT_EQ(second_half, 1);
    const ProbeTarget& target = batch.targets[static_cast<size_t>(n)];
    EXPECT_FLOAT_EQ(target.value, sum);
    EXPECT_EQ(target.cell, (kAdding.steps - 1) * kAdding.rows + n);
  }
}

// The chance that results are compared with: the error of always saying 1.
TEST(AddingTest, SayingOneHasTheChanceError) {
  double sum = 0;
  int count = 0;
  for (int i = 0; i < 300; ++i) {
    for (const ProbeTarget& target :
         MakeAddingBatch(kAdding, 1, BatchUse::kTest, i).targets) {
      sum += (target.value - 1.0) * (target.value - 1.0);
      ++count;
    }
  }
  EXPECT_NEAR(sum / count, kAddingChance, 0.005);
}

// The symbols come at first and are asked for, in order, from the signal on.
TEST(CopyTest, AsksForTheSymbolsAfterTheSignal) {
  const ProbeBatch batch =
      CopyBatchMaker(kCopied)(kCopy, 1, BatchUse::kTraining, 0);
  ASSERT_THAT(batch.targets, SizeIs(kCopied * kCopy.rows));
  const auto input = [&](int t, int n) {
    const auto begin = batch.x.begin() + (t * kCopy.rows + n) * kCopy.inputs;
    EXPECT_EQ(std::count(begin, begin + kCopy.inputs, 1.0f), 1);
    return std::find(begin, begin + kCopy.inputs, 1.0f) - begin;
  };
  for (const ProbeTarget& target : batch.targets) {
    const int t = target.cell / kCopy.rows;
    const int n = target.cell % kCopy.rows;
    const int place = t - (kCopy.steps - kCopied);
    ASSERT_GE(place, 0);
    EXPECT_EQ(target.label, input(place, n));
    EXPECT_EQ(input(t, n), place == 0 ? kCopySymbols + 1 : kCopySymbols);
  }
}

// What is tested on is never trained on, and the same twice.
TEST(SequenceTasksTest, UsesAndIndicesDifferAndRepeat) {
  const auto x = [](BatchUse use, int64_t index, uint64_t seed) {
    return MakeAddingBatch(kAdding, seed, use, index).x;
  };
  EXPECT_EQ(x(BatchUse::kTest, 3, 1), x(BatchUse::kTest, 3, 1));
  EXPECT_THAT(x(BatchUse::kTest, 3, 1), Ne(x(BatchUse::kTraining, 3, 1)));
  EXPECT_THAT(x(BatchUse::kTest, 3, 1), Ne(x(BatchUse::kTest, 4, 1)));
  EXPECT_THAT(x(BatchUse::kTest, 3, 1), Ne(x(BatchUse::kTest, 3, 2)));
}

}  // namespace
}  // namespace carousel
