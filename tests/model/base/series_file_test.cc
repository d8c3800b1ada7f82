// SPDX-License-Identifier: Apache-2.0

#include "model/base/series_file.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class SeriesFileTest : public testing::Test {
 protected:
  absl::StatusOr<SeriesFile> Read(const std::string& text,
                                  const SeriesFileOptions& options = {}) {
    EXPECT_THAT(WriteFileAtomically(dir_.File("s.csv"), text), IsOk());
    return ReadSeriesFile(dir_.File("s.csv"), options);
  }

  void ExpectError(const std::string& text, const std::string& error) {
    EXPECT_THAT(Read(text), StatusIs(kInvalid, HasSubstr("s.csv:" + error)))
        << text;
  }

  TempDir dir_;
};

TEST_F(SeriesFileTest, ReadsHeaderTimesAndValues) {
  const auto file =
      Read("date,a,b\n2016-07-01 00:00:00,1.5,-2\n2016-07-01 01:00:00,3,4e1\n");
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->columns, ElementsAre("a", "b"));
  EXPECT_EQ(file->rows, 2);
  EXPECT_THAT(file->values, ElementsAre(1.5f, -2, 3, 40));
  EXPECT_EQ(file->sha256.size(), 64u);
}

// Spreadsheets quote what they like, end lines in \r\n and mark UTF-8.
TEST_F(SeriesFileTest, ReadsWhatSpreadsheetsWrite) {
  const auto file = Read(
      "\xEF\xBB\xBF\"Month\",\"Sun, \"\"mean\"\"\"\r\n\"1949-01\", 1 \r\n"
      "\"1949-02\",\"2\"\r\n\r\n");
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->columns, ElementsAre("Sun, \"mean\""));
  EXPECT_THAT(file->values, ElementsAre(1, 2));
}

TEST_F(SeriesFileTest, TakesTheColumnsThatAreAskedFor) {
  const std::string text = "a,time,b,c\n1,7,2,x\n3,8,4,y\n";
  const auto file = Read(text, {.time_column = "time", .columns = {"b", "a"}});
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->values, ElementsAre(2, 1, 4, 3));
  EXPECT_THAT(Read(text, {.time_column = "time", .columns = {"d"}}),
              StatusIs(kInvalid, HasSubstr("s.csv:1: expected a column \"d\", "
                                           "found a, time, b, c")));
  EXPECT_THAT(Read(text, {.time_column = "time", .columns = {"time"}}),
              StatusIs(kInvalid, HasSubstr("that of times")));
}

// Every mistake of the data has its line.
TEST_F(SeriesFileTest, ErrorsNameFileAndLine) {
  ExpectError("", " expected a header and rows, found nothing");
  ExpectError("t,a\n", "1: expected rows");
  ExpectError("t\n1\n", "1: expected a column of values");
  ExpectError("t,a,a\n1,2,3\n", "1: expected a column \"a\" once");
  ExpectError("t,a\n1,2\n2,2,2\n", "3: expected 2 fields, found 3");
  ExpectError("t,a\n1,\n", "2: column \"a\": expected a number, found none");
  ExpectError("t,a\n1,2\n2,low\n",
              "3: column \"a\": expected a number, found "
              "\"low\"");
  ExpectError("t,a\n1,nan\n", "2: column \"a\": expected a number");
  ExpectError("t,a\n1,inf\n", "2: column \"a\": expected a number");
  ExpectError("t,a\n1,-1e39\n",
              "2: column \"a\": expected a number from -3.40282e+38 to "
              "3.40282e+38, found \"-1e39\"");
  ExpectError("t,a\n1,1e308\n", "2: column \"a\": expected a number from ");
  ExpectError("t,a\n1,\"2\n", "2: a quoted field does not end");
  ExpectError("t,a\n1,\"2\"3\n", "2: expected a comma after a quoted field");
  ExpectError("t,a\nsoon,2\n",
              "2: expected a time as \"2016-07-01 00:00:00\", \"2016-07-01\", "
              "\"20160701\", \"2016-07\" or a number, found \"soon\"");
  ExpectError("t,a\n1,2\n2,2\n4,2\n", "4: a gap in time");
  ExpectError("t,a\n1,2\n2,2\n2,2\n", "4: a time that stands twice");
  ExpectError("t,a\n1,2\n2,2\n1,2\n", "4: time goes backwards");
}

// Who knows of the gaps may look away.
TEST_F(SeriesFileTest, TimesMayGoUnchecked) {
  EXPECT_THAT(Read("t,a\n1,2\n5,2\nx,2\n", {.check_times = false}), IsOk());
}

// Whoever has lines reads them; line numbers count from the first.
TEST(SeriesTest, ReadsLinesFromAnywhere) {
  std::vector<std::string> lines = {"t,a", "1,2", "", "2,x"};
  size_t at = 0;
  const auto next = [&](std::string* line) -> absl::StatusOr<bool> {
    if (at == lines.size()) return false;
    *line = lines[at++];
    return true;
  };
  EXPECT_THAT(ReadSeries("input", next, {}),
              StatusIs(kInvalid, HasSubstr("input:4: column \"a\"")));
  lines.back() = "2,3";
  at = 0;
  const auto file = ReadSeries("input", next, {});
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->values, ElementsAre(2, 3));
}

// Dates have a step and an instant each, numbers neither.
TEST_F(SeriesFileTest, KnowsWhatLiesBetweenTimes) {
  const auto hours = Read("t,a\n2016-07-01 00:00,1\n2016-07-01 01:00,2\n");
  ASSERT_THAT(hours, IsOk());
  EXPECT_EQ(hours->step, TimeStep{.time = absl::Hours(1)});
  EXPECT_EQ(hours->times[1] - hours->times[0], absl::Hours(1));
  const auto months = Read("t,a\n1949-01,1\n1949-02,2\n1949-03,2\n");
  ASSERT_THAT(months, IsOk());
  EXPECT_EQ(months->step, TimeStep{.months = 1});
  const auto numbers = Read("t,a\n1949,1\n1950,2\n");
  ASSERT_THAT(numbers, IsOk());
  EXPECT_EQ(numbers->step, std::nullopt);
  EXPECT_THAT(numbers->times, IsEmpty());
  const auto one = Read("t,a\n1949-01,1\n");
  ASSERT_THAT(one, IsOk());
  EXPECT_EQ(one->step, std::nullopt);
}

absl::Status Check(const std::vector<std::string>& times) {
  TimeCheck check;
  for (const std::string& time : times) {
    const absl::Status status = check.Add(time);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

TEST(TimeCheckTest, TakesEqualStepsOfEveryKind) {
  EXPECT_THAT(
      Check({"2016-02-28T23:00", "2016-02-29T00:00", "2016-02-29T01:00"}),
      IsOk());
  EXPECT_THAT(Check({"20160730", "20160731", "20160801"}), IsOk());
  EXPECT_THAT(Check({"2016-12-25", "2017-01-01", "2017-01-08"}), IsOk());
  EXPECT_THAT(Check({"0.1", "0.2", "0.3", "0.4"}), IsOk());
  EXPECT_THAT(Check({"1949", "1950", "1951"}), IsOk());
}

// Months are not equally long.
TEST(TimeCheckTest, TakesMonthsAndYears) {
  EXPECT_THAT(Check({"1948-12", "1949-01", "1949-02", "1949-03"}), IsOk());
  EXPECT_THAT(Check({"2016-01-31", "2016-04-30"}), IsOk());
  EXPECT_THAT(Check({"2015-07-01", "2016-07-01", "2017-07-01"}), IsOk());
}

// Seconds since 1970 are too long for a double to hold what comes behind them.
TEST(TimeCheckTest, TakesManyTimesASecond) {
  for (const absl::Duration step :
       {absl::Milliseconds(100), absl::Milliseconds(1), absl::Microseconds(5),
        absl::Nanoseconds(1)}) {
    TimeCheck check;
    absl::Time time = absl::FromUnixSeconds(1467331199);
    std::string text;
    for (int i = 0; i < 1000; ++i, time += step) {
      text = absl::FormatTime("%Y-%m-%d %H:%M:%E*S", time, absl::UTCTimeZone());
      ASSERT_THAT(check.Add(text), IsOk()) << text;
    }
    EXPECT_EQ(check.step(), TimeStep{.time = step});
    text = absl::FormatTime("%Y-%m-%d %H:%M:%E*S", time + step,
                            absl::UTCTimeZone());
    EXPECT_THAT(check.Add(text), StatusIs(kInvalid, HasSubstr("gap in time")));
  }
}

// Nor are they exact where they are written as numbers.
TEST(TimeCheckTest, TakesFractionsOfLargeNumbers) {
  TimeCheck check;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = absl::StrFormat("%.3f", 1467331200 + i * 0.01);
    ASSERT_THAT(check.Add(text), IsOk()) << text;
  }
  EXPECT_THAT(check.Add("1467331210.01"),
              StatusIs(kInvalid, HasSubstr("gap in time")));
}

// No calendar has them, and counting their months would overflow.
TEST(TimeCheckTest, RefusesTimesBeyondTheCalendar) {
  for (const char* text : {"infinite-future", "292277026596-12", "10000-01-01",
                           "0000-12", "-5-01"}) {
    EXPECT_THAT(Check({text}), StatusIs(kInvalid, HasSubstr("a time"))) << text;
  }
}

// Each is called by its name: who looks for a gap does not see a repetition.
TEST(TimeCheckTest, RefusesGapsRepetitionsAndSteps) {
  struct Case {
    std::vector<std::string> times;
    const char* flaw;
  };
  for (const auto& [times, flaw] : std::vector<Case>{
           {{"2016-07-01 00:00:00", "2016-07-01 01:00:00",
             "2016-07-01 03:00:00"},
            "a gap in time: "},
           {{"1949-01", "1949-02", "1949-04"}, "a gap in time: "},
           {{"20160730", "20160731", "20160802"}, "a gap in time: "},
           {{"2016-07-01", "2016-07-02", "2016-08-01"}, "a gap in time: "},
           {{"1", "1"}, "a time that stands twice: "},
           {{"2020-01-05", "2020-01-05 00:00"}, "a time that stands twice: "},
           {{"2", "1"}, "time goes backwards: "},
           {{"1949-01", "1949-02", "1949-01"}, "time goes backwards: "}}) {
    EXPECT_THAT(Check(times), StatusIs(kInvalid, HasSubstr(flaw)))
        << times.back();
  }
  EXPECT_THAT(Check({"2016-07-01", "7"}), StatusIs(kInvalid));
  EXPECT_THAT(Check({"2016-13-01"}), StatusIs(kInvalid, HasSubstr("a time")));
}

absl::Time At(const std::string& text) {
  absl::Time time;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, nullptr));
  return time;
}

TEST(TimeStepTest, MonthsKeepTheirPlaceInTheMonth) {
  const absl::Time from = At("2015-11-15T06:00:00Z");
  EXPECT_EQ(AddSteps(from, {.months = 1}, 4), At("2016-03-15T06:00:00Z"));
  EXPECT_EQ(AddSteps(from, {.time = absl::Hours(12)}, 3),
            At("2015-11-16T18:00:00Z"));
}

// The first of two months may be either; a third tells.
TEST(TimeStepTest, StepsBetweenTwoTimesAreMonthsOrTime) {
  const absl::Time june = At("2016-06-01T00:00:00Z");
  const absl::Time july = At("2016-07-01T00:00:00Z");
  EXPECT_THAT(StepsBetween(june, july),
              ElementsAre(TimeStep{.months = 1},
                          TimeStep{.time = absl::Hours(24 * 30)}));
  EXPECT_THAT(StepsBetween(june, june + absl::Hours(1)),
              ElementsAre(TimeStep{.time = absl::Hours(1)}));
  EXPECT_THAT(StepsBetween(june, june), IsEmpty());
  EXPECT_THAT(StepsBetween(july, june), IsEmpty());
}

TEST(TimeStepTest, BreakIsTheFirstTimeThatIsNotNext) {
  const absl::Time from = At("2016-06-01T00:00:00Z");
  std::vector<absl::Time> times;
  for (int i = 0; i < 5; ++i) times.push_back(from + i * absl::Hours(1));
  const TimeStep hour = {.time = absl::Hours(1)};
  EXPECT_EQ(FindBreak(times, hour), std::nullopt);
  times[3] = times[2];
  EXPECT_EQ(FindBreak(times, hour), 3u);
  EXPECT_EQ(FindBreak(times, {.months = 1}), 1u);
}

TEST(TimeStepTest, TextIsForPeople) {
  EXPECT_EQ(StepText({.time = absl::Minutes(90)}), "1h30m");
  EXPECT_EQ(StepText({.months = 1}), "1 month");
  EXPECT_EQ(StepText({.months = 3}), "3 months");
}

}  // namespace
}  // namespace carousel
