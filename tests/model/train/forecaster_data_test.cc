// SPDX-License-Identifier: Apache-2.0

#include "model/train/forecaster_data.h"

#include <algorithm>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/train/series_time.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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
  ExpectError("", "0: expected a header");
  ExpectError("t,a\n", "1: expected rows");
  ExpectError("t\n1\n", "1: expected a column of values");
  ExpectError("t,temp\xE9rature\n1,2\n", "1: ");
  ExpectError("t,a,a\n1,2,3\n", "1: expected a column \"a\" once");
  ExpectError("t,a\n1,2\n2,2,2\n", "3: expected 2 fields, found 3");
  ExpectError("t,a\n1,\n", "2: column \"a\": expected a number, found none");
  ExpectError("t,a\n1,2\n2,low\n",
              "3: column \"a\": expected a number, found "
              "\"low\"");
  ExpectError("t,a\n1,nan\n", "2: column \"a\": expected a number");
  ExpectError("t,a\n1,inf\n", "2: column \"a\": expected a number");
  ExpectError("t,a\n1,1e39\n", "2: column \"a\": expected a number");
  ExpectError("t,a\n1,\"2\n", "2: a quoted field does not end");
  ExpectError("t,a\n1,\"2\"3\n", "2: expected a comma after a quoted field");
  ExpectError("t,a\nsoon,2\n", "2: expected a time");
  ExpectError("t,a\n1,2\n2,2\n4,2\n", "4: a gap in time");
}

// Who knows of the gaps may look away.
TEST_F(SeriesFileTest, TimesMayGoUnchecked) {
  EXPECT_THAT(Read("t,a\n1,2\n5,2\nx,2\n", {.check_times = false}), IsOk());
}

TEST_F(SeriesFileTest, ScalesAreOfTheTrainingRows) {
  const auto file = Read("t,a,b\n1,1,5\n2,3,5\n3,100,9\n");
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(MeasureScales(*file, 2),
              ElementsAre(SeriesScale{"a", 2, 1}, SeriesScale{"b", 5, 1}));
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

TEST(TimeCheckTest, RefusesGapsRepetitionsAndSteps) {
  for (const std::vector<std::string>& times :
       std::vector<std::vector<std::string>>{
           {"2016-07-01 00:00:00", "2016-07-01 01:00:00",
            "2016-07-01 03:00:00"},
           {"1949-01", "1949-02", "1949-04"},
           {"1", "1"},
           {"2", "1"},
           {"20160730", "20160731", "20160802"},
           {"2016-07-01", "2016-07-02", "2016-08-01"}}) {
    EXPECT_THAT(Check(times), StatusIs(kInvalid, HasSubstr("gap in time")))
        << times.back();
  }
  EXPECT_THAT(Check({"2016-07-01", "7"}), StatusIs(kInvalid));
  EXPECT_THAT(Check({"2016-13-01"}), StatusIs(kInvalid, HasSubstr("a time")));
}

TEST(WindowStreamTest, EveryEpochHasEveryWindowOnce) {
  WindowStream stream(10, 4, 3);
  EXPECT_EQ(stream.batches_per_epoch(), 3);
  std::vector<int64_t> seen;
  for (int batch = 0; batch < 5; ++batch) {
    for (int64_t window : stream.Next()) seen.push_back(window);
  }
  ASSERT_EQ(seen.size(), 20u);
  const std::vector<int64_t> first(seen.begin(), seen.begin() + 10);
  const std::vector<int64_t> second(seen.begin() + 10, seen.end());
  EXPECT_EQ(std::set<int64_t>(first.begin(), first.end()).size(), 10u);
  EXPECT_EQ(std::set<int64_t>(second.begin(), second.end()).size(), 10u);
  EXPECT_NE(first, second);
}

// A batch may be larger than an epoch.
TEST(WindowStreamTest, BatchOfSeveralEpochsIsEvenlyFilled) {
  WindowStream stream(3, 9, 1);
  std::vector<int64_t> batch = stream.Next();
  std::sort(batch.begin(), batch.end());
  EXPECT_THAT(batch, ElementsAre(0, 0, 0, 1, 1, 1, 2, 2, 2));
}

// A run that goes on reads on where it stopped.
TEST(WindowStreamTest, SeeksToAnyBatch) {
  WindowStream stream(100, 7, 5);
  for (int batch = 0; batch < 40; ++batch) stream.Next();
  WindowStream other(100, 7, 5);
  other.Seek(40);
  EXPECT_EQ(other.batch(), 40);
  EXPECT_EQ(other.Next(), stream.Next());
}

}  // namespace
}  // namespace carousel
