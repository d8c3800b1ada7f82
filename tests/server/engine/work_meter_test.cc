// SPDX-License-Identifier: Apache-2.0

#include "server/engine/work_meter.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

constexpr absl::Time kStart = absl::UnixEpoch();

absl::Time After(int milliseconds) {
  return kStart + absl::Milliseconds(milliseconds);
}

// As many jobs as a sample has at least, of so much in all.
void Finish(WorkMeter* meter, int64_t tokens, absl::Time now) {
  meter->Done(tokens, now);
  for (int i = 1; i < 16; ++i) meter->Done(0, now);
}

TEST(WorkMeterTest, NothingSeenIsNothingSaid) {
  EXPECT_EQ(WorkMeter().TimeFor(1000), absl::ZeroDuration());
}

TEST(WorkMeterTest, TimeIsThatOfTheWorkSeen) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  Finish(&meter, 100, After(200));
  EXPECT_EQ(meter.TimeFor(50), absl::Milliseconds(100));
}

// Of jobs that go on together the first to end says that nothing was done
// before, and the last that everything was done at once.
TEST(WorkMeterTest, FewJobsSayNothing) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  meter.Done(100, After(200));
  EXPECT_EQ(meter.TimeFor(1), absl::ZeroDuration());
}

// A server that waits for requests is not a slow one.
TEST(WorkMeterTest, TimeWithoutWorkDoesNotCount) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  meter.SetBusy(false, After(50));
  meter.SetBusy(true, After(9000));
  Finish(&meter, 100, After(9050));
  EXPECT_EQ(meter.TimeFor(100), absl::Milliseconds(100));
}

// What ends then was begun in company, or alone: nobody knows.
TEST(WorkMeterTest, WorkThatEndsWithoutEnoughOfItDoesNotCount) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  meter.SetBusy(false, After(1000));
  Finish(&meter, 1000, After(2000));
  EXPECT_EQ(meter.TimeFor(1), absl::ZeroDuration());
}

// Else a server whose answers all come too late would let in as many for ever.
TEST(WorkMeterTest, WorkThatIsNeverDoneSeemsDearerAndDearer) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  Finish(&meter, 100, After(100));
  Finish(&meter, 0, After(200));
  Finish(&meter, 0, After(300));
  EXPECT_EQ(meter.TimeFor(100), absl::Milliseconds(225));
}

// Overloaded from its first second on, a server must learn it all the same.
TEST(WorkMeterTest, WorkThatWasNeverDoneSeemsDearerAndDearerToo) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  Finish(&meter, 0, After(100));
  Finish(&meter, 0, After(200));
  EXPECT_GE(meter.TimeFor(100), absl::Milliseconds(2));
}

// However long nothing was done, answers make it cheap again.
TEST(WorkMeterTest, WorkThatIsDoneAgainBecomesCheapAgain) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  int now = 0;
  for (int i = 0; i < 500; ++i) Finish(&meter, 0, After(now += 100));
  for (int i = 0; i < 80; ++i) Finish(&meter, 100, After(now += 100));
  EXPECT_NEAR(absl::ToDoubleSeconds(meter.TimeFor(100)), 0.1, 0.01);
}

TEST(WorkMeterTest, WorkThatBecomesDearerIsLearnt) {
  WorkMeter meter;
  meter.SetBusy(true, kStart);
  int now = 0;
  for (int i = 0; i < 50; ++i) Finish(&meter, 100, After(now += 100));
  EXPECT_EQ(meter.TimeFor(100), absl::Milliseconds(100));
  for (int i = 0; i < 50; ++i) Finish(&meter, 10, After(now += 100));
  EXPECT_NEAR(absl::ToDoubleSeconds(meter.TimeFor(100)), 1, 0.01);
}

}  // namespace
}  // namespace carousel
