// SPDX-License-Identifier: Apache-2.0

#include "model/base/clock.h"

#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"

namespace carousel {
namespace {

// Deadlines compare two readings.
TEST(ClockTest, RealTimeDoesNotStandBeforeTheYearOfThisTest) {
  EXPECT_GT(Clock::Real().Now(),
            absl::FromCivil(absl::CivilDay(2024, 1, 1), absl::UTCTimeZone()));
}

// Tests of timeouts rely on it.
TEST(ClockTest, FakeTimeMovesOnlyWhenTold) {
  FakeClock clock(absl::FromUnixSeconds(10));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(10));
  clock.Advance(absl::Milliseconds(2500));
  EXPECT_EQ(clock.Now(), absl::FromUnixMillis(12500));
}

}  // namespace
}  // namespace carousel
