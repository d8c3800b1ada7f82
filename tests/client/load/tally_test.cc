// SPDX-License-Identifier: Apache-2.0

#include "client/load/tally.h"

#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class TallyTest : public testing::Test {
 protected:
  const absl::Time to_ = absl::Now();
  const absl::Time from_ = to_ - absl::Seconds(10);
  Tally tally_{from_, to_};
};

// Neither the warm-up nor what a user sends too late.
TEST_F(TallyTest, CountsWhatShouldHaveBegunInItsTime) {
  tally_.AddAnswer(from_ - absl::Nanoseconds(1));
  tally_.AddAnswer(to_);
  EXPECT_EQ(tally_.count(), 0);

  tally_.AddAnswer(from_);
  tally_.AddAnswer(to_ - absl::Nanoseconds(1));
  EXPECT_EQ(tally_.count(), 2);
}

// The slowest of all end after the load; without them it would look fast.
TEST_F(TallyTest, AnAnswerAfterTheEndCountsWithAllItsTime) {
  const absl::Duration at_least = absl::Now() - from_;
  tally_.AddAnswer(from_);
  const absl::Duration at_most = absl::Now() - from_;

  const LoadResult result = tally_.Result();

  EXPECT_EQ(result.latency.count(), 1);
  // The histogram is exact to 1 %.
  EXPECT_GE(result.latency.Quantile(1), 0.99 * at_least);
  EXPECT_LE(result.latency.Quantile(1), 1.01 * at_most);
}

TEST_F(TallyTest, ErrorsAreCountedByTheirNamesAndAreNoAnswers) {
  tally_.AddError(from_, "UNAVAILABLE");
  tally_.AddError(from_, "NOT_SENT");
  tally_.AddError(from_, "UNAVAILABLE");

  EXPECT_EQ(tally_.count(), 0);
  EXPECT_THAT(tally_.Result().errors,
              ElementsAre(Pair("NOT_SENT", 1), Pair("UNAVAILABLE", 2)));
}

TEST_F(TallyTest, ErrorsOutsideItsTimeDoNotCount) {
  tally_.AddError(from_ - absl::Nanoseconds(1), "UNAVAILABLE");
  tally_.AddError(to_, "UNAVAILABLE");

  EXPECT_THAT(tally_.Result().errors, IsEmpty());
}

// What a rate is divided by.
TEST_F(TallyTest, TheResultSaysHowLongWasMeasured) {
  EXPECT_EQ(Tally(from_, to_).Result().measured, absl::Seconds(10));
}

TEST_F(TallyTest, IsOverFromItsEndOn) {
  EXPECT_FALSE(tally_.IsOver(to_ - absl::Nanoseconds(1)));
  EXPECT_TRUE(tally_.IsOver(to_));
}

// Every thread of gRPC adds to it.
TEST_F(TallyTest, NothingIsLostAmongThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int k = 0; k < 1000; ++k) {
        tally_.AddAnswer(from_);
        tally_.AddError(from_, "UNAVAILABLE");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(tally_.count(), 4000);
  EXPECT_THAT(tally_.Result().errors, ElementsAre(Pair("UNAVAILABLE", 4000)));
}

}  // namespace
}  // namespace carousel
