// SPDX-License-Identifier: Apache-2.0

#include "model/base/series_time.h"

#include <optional>
#include <vector>

#include "absl/time/civil_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr TimeStep kHour = {.time = absl::Hours(1)};
constexpr TimeStep kMonth = {.months = 1};

absl::Time Day(int year, int month, int day) {
  return absl::FromCivil(absl::CivilDay(year, month, day), absl::UTCTimeZone());
}

// What is said of the last of them; the others must be right.
absl::Status Add(const std::vector<absl::string_view>& times) {
  TimeCheck check;
  absl::Status status;
  for (absl::string_view time : times) {
    EXPECT_THAT(status, IsOk()) << "before " << time;
    status = check.Add(time);
  }
  return status;
}

TEST(TimeStepTest, MonthsKeepTheirDayAndHoursTheirLength) {
  EXPECT_EQ(AddSteps(Day(2019, 12, 1), kMonth, 3), Day(2020, 3, 1));
  EXPECT_EQ(AddSteps(Day(2020, 2, 28), kHour, 48), Day(2020, 3, 1));
}

// From the first of a month to the first of the next it may be either.
TEST(TimeStepTest, BetweenTwoTimesLieMonthsOrDays) {
  EXPECT_THAT(StepsBetween(Day(2020, 2, 1), Day(2020, 3, 1)),
              ElementsAre(kMonth, TimeStep{.time = absl::Hours(29 * 24)}));
  EXPECT_THAT(StepsBetween(Day(2020, 2, 1), Day(2020, 2, 4)),
              ElementsAre(TimeStep{.time = absl::Hours(72)}));
  EXPECT_THAT(StepsBetween(Day(2020, 2, 1), Day(2020, 2, 1)), IsEmpty());
  EXPECT_THAT(StepsBetween(Day(2020, 2, 4), Day(2020, 2, 1)), IsEmpty());
}

TEST(TimeStepTest, ABreakIsTheFirstThatDoesNotFollow) {
  const absl::Time start = Day(2020, 1, 1);
  std::vector<absl::Time> times;
  for (int i = 0; i < 5; ++i) times.push_back(AddSteps(start, kHour, i));
  EXPECT_EQ(FindBreak(times, kHour), std::nullopt);
  times[3] += absl::Seconds(1);
  EXPECT_EQ(FindBreak(times, kHour), 3u);
}

TEST(TimeCheckTest, WhatDoesNotFollowIsCalledByItsName) {
  EXPECT_THAT(Add({"2020-01-01", "2020-01-02", "2020-01-02"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("a time that stands twice")));
  EXPECT_THAT(Add({"2020-01-01", "2020-01-02", "2020-01-01"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("time goes backwards")));
  EXPECT_THAT(
      Add({"2020-01-01", "2020-01-02", "2020-01-04"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a gap in time")));
}

TEST(TimeCheckTest, MonthsAreEquallyFarThoughNotEquallyLong) {
  EXPECT_THAT(Add({"1949-01", "1949-02", "1949-03", "1949-04"}), IsOk());
  EXPECT_THAT(Add({"2020-01-01", "2020-02-01", "2020-03-01"}), IsOk());
}

// Fractions that no double has exactly.
TEST(TimeCheckTest, NumbersMayBeRounded) {
  EXPECT_THAT(Add({"0", "0.1", "0.2", "0.3", "0.4"}), IsOk());
  EXPECT_THAT(
      Add({"0", "0.1", "0.21"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a gap in time")));
}

}  // namespace
}  // namespace carousel
