// SPDX-License-Identifier: Apache-2.0

#include "model/train/progress.h"

#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/train/speedometer.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

TEST(ProgressFormatTest, BarIsAsFullAsTheShareThatIsDone) {
  EXPECT_EQ(FormatBar(0, 4), "[----]   0%");
  EXPECT_EQ(FormatBar(0.5, 4), "[##--]  50%");
  EXPECT_EQ(FormatBar(1.5, 4), "[####] 100%");
}

TEST(ProgressFormatTest, TimesAndCountsAreShort) {
  EXPECT_EQ(FormatTimeLeft(absl::Seconds(14)), "14s");
  EXPECT_EQ(FormatTimeLeft(absl::Seconds(200)), "3m20s");
  EXPECT_EQ(FormatTimeLeft(absl::Minutes(125)), "2h05m");
  EXPECT_EQ(FormatTimeLeft(absl::InfiniteDuration()), "?");
  EXPECT_EQ(FormatCount(987), "987");
  EXPECT_EQ(FormatCount(12345), "12.3k");
  EXPECT_EQ(FormatCount(2.5e6), "2.5M");
}

// Perplexity is what people compare, loss is what is computed.
TEST(ProgressFormatTest, LineHasLossPerplexitySpeedAndTimeLeft) {
  const std::string line = FormatTrainingProgress({.step = 40,
                                                   .total_steps = 100,
                                                   .epoch = 1.2,
                                                   .tokens_per_second = 1900,
                                                   .loss = 4.5,
                                                   .learning_rate = 1e-3,
                                                   .left = absl::Seconds(90)});
  for (const char* part : {"40%", "step 40/100", "epoch 1.20", "1.9k tokens/s",
                           "loss 4.500", "perplexity 90.0", "1m30s left"}) {
    EXPECT_THAT(line, HasSubstr(part));
  }
}

class ProgressTest : public testing::Test {
 protected:
  ~ProgressTest() override {
    std::fclose(stream_);
    std::free(text_);
  }
  std::string Text() {
    std::fflush(stream_);
    return {text_, size_};
  }

  FakeClock clock_;
  char* text_ = nullptr;
  size_t size_ = 0;
  std::FILE* stream_ = open_memstream(&text_, &size_);
};

// A log must not fill up with progress.
TEST_F(ProgressTest, LogGetsALineEveryTenSeconds) {
  Progress progress(stream_, ProgressStyle::kLines, clock_);
  progress.Show("one");
  clock_.Advance(absl::Seconds(9));
  progress.Show("two");
  clock_.Advance(absl::Seconds(1));
  progress.Show("three");
  EXPECT_EQ(Text(), "one\nthree\n");
}

// A note stays, and the bar is drawn anew below it.
TEST_F(ProgressTest, BarIsRedrawnAndNotesStay) {
  {
    Progress progress(stream_, ProgressStyle::kBar, clock_);
    progress.Show("10%");
    progress.Note("saved");
    clock_.Advance(absl::Seconds(1));
    progress.Show("20%");
  }
  EXPECT_EQ(Text(), "\r10%\033[K\rsaved\033[K\n\r20%\033[K\n");
}

// A stream that is no terminal is a log.
TEST_F(ProgressTest, AutomaticStyleOfAFileIsLines) {
  std::FILE* file = std::tmpfile();
  {
    Progress progress(file, ProgressStyle::kAutomatic, clock_);
    progress.Show("one");
  }
  EXPECT_EQ(std::ftell(file), 4);
  std::fclose(file);
}

TEST_F(ProgressTest, UnknownStyleIsRefused) {
  EXPECT_THAT(
      ParseProgressStyle("fancy"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bar, lines")));
  EXPECT_THAT(ParseProgressStyle("none"), IsOkAndHolds(ProgressStyle::kNone));
}

// Time left is planned with the speed that is measured.
TEST(SpeedometerTest, SpeedIsTokensOverTimeBetweenSteps) {
  FakeClock clock;
  Speedometer speed(clock);
  EXPECT_EQ(speed.TimeFor(1), absl::InfiniteDuration());
  for (int i = 0; i < 5; ++i) {
    clock.Advance(absl::Seconds(2));
    speed.Add({.loss = 3, .targets = 100});
  }
  EXPECT_DOUBLE_EQ(speed.tokens_per_second(), 50);
  EXPECT_DOUBLE_EQ(speed.loss(), 3);
  EXPECT_EQ(speed.TimeFor(10), absl::Seconds(20));
}

}  // namespace
}  // namespace carousel
