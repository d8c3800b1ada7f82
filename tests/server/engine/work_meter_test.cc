// SPDX-License-Identifier: Apache-2.0

#include "server/engine/work_meter.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

constexpr absl::Time kStart = absl::UnixEpoch();

absl::Time After(int milliseconds) {
  return kStart + absl::Milliseconds(milliseconds);
}

TEST(WorkMeterTest, NothingSeenIsNothingSaid) {
  EXPECT_EQ(WorkMeter().TimeFor(1000), absl::ZeroDuration());
}

TEST(WorkMeterTest, TimeIsThatOfTheWorkSeen) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  meter.Done(100, After(200));
  EXPECT_EQ(meter.TimeFor(50), absl::Milliseconds(100));
}

// A server that waits for requests is not a slow one.
TEST(WorkMeterTest, TimeWithoutWorkDoesNotCount) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  meter.SetBusy(false, After(50));
  meter.SetBusy(true, After(9000));
  meter.Done(100, After(9050));
  EXPECT_EQ(meter.TimeFor(100), absl::Milliseconds(100));
}

// What ends then was begun in company, or alone: nobody knows.
TEST(WorkMeterTest, WorkThatEndsWithoutEnoughOfItDoesNotCount) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  meter.SetBusy(false, After(1000));
  meter.Done(1000, After(2000));
  EXPECT_EQ(meter.TimeFor(1), absl::ZeroDuration());
}

// Nobody knows what it costs; but all that time belongs to what is done then.
TEST(WorkMeterTest, TimeInWhichNothingIsDoneCountsToWhatComes) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  meter.Done(0, After(500));
  EXPECT_EQ(meter.TimeFor(1), absl::ZeroDuration());
  meter.Done(100, After(1000));
  EXPECT_EQ(meter.TimeFor(100), absl::Seconds(1));
}

TEST(WorkMeterTest, WorkThatBecomesDearerIsLearnt) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  int now = 0;
  for (int i = 0; i < 50; ++i) meter.Done(100, After(now += 100));
  EXPECT_EQ(meter.TimeFor(100), absl::Milliseconds(100));
  for (int i = 0; i < 50; ++i) meter.Done(10, After(now += 100));
  EXPECT_NEAR(absl::ToDoubleSeconds(meter.TimeFor(100)), 1, 0.01);
}

}  // namespace
}  // namespace carousel
