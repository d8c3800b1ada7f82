// SPDX-License-Identifier: Apache-2.0

#include "server/engine/work_ahead.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

TEST(WorkAheadTest, AloneThereIsOnlyItsOwn) {
  EXPECT_EQ(WorkAhead().Until(7), 7);
}

TEST(WorkAheadTest, SmallerOnesAreDoneBefore) {
  WorkAhead work;
  work.Add(3);
  work.Add(3);
  EXPECT_EQ(work.Until(10), 16);
}

// A short one waits for no long one to end.
TEST(WorkAheadTest, OfLargerOnesOnlyAsMuchAsOfItself) {
  WorkAhead work;
  work.Add(1000);
  work.Add(2000);
  EXPECT_EQ(work.Until(10), 30);
}

TEST(WorkAheadTest, WhatIsRemovedDoesNotCount) {
  WorkAhead work;
  work.Add(1000);
  work.Add(4);
  work.Remove(1000);
  EXPECT_EQ(work.jobs(), 1);
  EXPECT_EQ(work.Until(10), 14);
}

TEST(WorkAheadTest, TokensAreWhatIsLeftOfAll) {
  WorkAhead work;
  int64_t tokens = 100;
  work.Add(tokens);
  work.Add(7);
  EXPECT_EQ(work.tokens(), 107);
  work.Change(&tokens, 40);
  EXPECT_EQ(work.tokens(), 47);
  work.Remove(7);
  EXPECT_EQ(work.tokens(), 40);
}

}  // namespace
}  // namespace carousel
