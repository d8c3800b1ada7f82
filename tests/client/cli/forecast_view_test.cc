// SPDX-License-Identifier: Apache-2.0
#include "client/cli/forecast_view.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Two steps of "load", 0.1 and 0.9 about them.
v1::ForecastResponse Response() {
  v1::ForecastResponse response;
  v1::SeriesForecast* series = response.add_series();
  series->set_name("load");
  for (const double value : {20.0, -7.25}) series->add_values(value);
  for (const double level : {0.9, 0.1}) {
    v1::ForecastQuantile* quantile = series->add_quantiles();
    quantile->set_level(level);
    for (const double value : {20.0, -7.25}) {
      quantile->add_values(value + (level > 0.5 ? 1 : -1));
    }
  }
  return response;
}

void AddTimes(v1::ForecastResponse* response) {
  response->add_timestamps()->set_seconds(0);
  response->add_timestamps()->set_seconds(3600);
}

TEST(ForecastViewTest, TableHasALineAStep) {
  EXPECT_EQ(FormatForecast(Response()),
            "step    load     0.9     0.1\n"
            "1     20.000  21.000  19.000\n"
            "2     -7.250  -6.250  -8.250\n");
  v1::ForecastResponse response = Response();
  AddTimes(&response);
  response.mutable_series(0)->clear_quantiles();
  EXPECT_EQ(FormatForecast(response),
            "time                load\n"
            "1970-01-01 00:00  20.000\n"
            "1970-01-01 01:00  -7.250\n");
}

// Numbers of any size are told, and names are no commands to a terminal.
TEST(ForecastViewTest, TableIsFitForPeople) {
  v1::ForecastResponse response;
  v1::SeriesForecast* series = response.add_series();
  series->set_name("a\x1b[2Jb");
  series->add_values(1.5e12);
  response.add_series()->add_values(123456.78);
  response.add_series()->add_values(0);
  response.add_series()->add_values(2e-9);
  EXPECT_EQ(FormatForecast(response),
            "step   a\uFFFD[2Jb\n1     1.5e+12\n\n"
            "step\n1     123457\n\n"
            "step\n1     0.0000\n\n"
            "step\n1     2e-09\n");
}

TEST(ForecastViewTest, TimesAreAsShortAsTheyCanBe) {
  const auto at = [](int64_t hours) {
    return absl::UnixEpoch() + absl::Hours(hours);
  };
  EXPECT_THAT(TimeTexts({at(0), at(31 * 24)}),
              ElementsAre("1970-01", "1970-02"));
  EXPECT_THAT(TimeTexts({at(0), at(24)}),
              ElementsAre("1970-01-01", "1970-01-02"));
  EXPECT_THAT(TimeTexts({at(1)}), ElementsAre("1970-01-01 01:00"));
  EXPECT_THAT(TimeTexts({at(1) + absl::Milliseconds(250)}),
              ElementsAre("1970-01-01 01:00:00.25"));
}

TEST(ForecastViewTest, ViewIsTheEndOfTheHistoryAndTheForecast) {
  SeriesHistory history;
  history.series = {{"load", std::vector<double>(100, 5)}};
  history.series[0].values.back() = 6;
  v1::ForecastResponse response = Response();
  std::vector<ForecastView> views = MakeViews(history, response);
  ASSERT_THAT(views, SizeIs(1));
  EXPECT_EQ(views[0].name, "load");
  EXPECT_THAT(views[0].history, SizeIs(24));
  EXPECT_EQ(views[0].history.back(), 6);
  EXPECT_THAT(views[0].forecast, ElementsAre(20, -7.25));
  ASSERT_TRUE(views[0].interval.has_value());
  EXPECT_EQ(views[0].interval->low_level, 0.1);
  EXPECT_THAT(views[0].interval->low, ElementsAre(19, -8.25));
  EXPECT_THAT(views[0].interval->high, ElementsAre(21, -6.25));
  EXPECT_THAT(views[0].times, IsEmpty());

  AddTimes(&response);
  for (int i = 0; i < 100; ++i) {
    history.times.push_back(absl::FromUnixSeconds((i - 100) * 3600));
  }
  views = MakeViews(history, response);
  ASSERT_THAT(views[0].times, SizeIs(26));
  EXPECT_EQ(views[0].times[24], absl::UnixEpoch());
}

// A server is not trusted: lists of other lengths are left out.
TEST(ForecastViewTest, ListsOfOtherLengthsAreLeftOut) {
  v1::ForecastResponse response = Response();
  response.mutable_series(0)->mutable_quantiles(0)->add_values(1);
  response.add_timestamps();
  const auto views =
      MakeViews({.series = {{"load", {1, 2}}}, .times = {}}, response);
  EXPECT_FALSE(views[0].interval.has_value());
  EXPECT_THAT(views[0].times, IsEmpty());
  response.mutable_series(0)->mutable_quantiles(1)->clear_values();
  EXPECT_EQ(FormatForecast(response),
            "step    load     0.9  0.1\n"
            "1     20.000  21.000\n"
            "2     -7.250  -6.250\n");
  response.add_series();
  EXPECT_THAT(MakeViews({}, response), SizeIs(2));
}

}  // namespace
}  // namespace carousel
