// SPDX-License-Identifier: Apache-2.0

#include "server/core/forecast.h"

#include <cmath>
#include <functional>
#include <latch>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/util/time_util.h"
#include "gtest/gtest.h"
#include "model/base/round_trip.h"
#include "model/bundle/writer.h"
#include "model/tasks/forecasting.h"
#include "tests/server/core/bad_field.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"
#include "tests/testing/tiny_forecaster.h"

namespace carousel {
namespace {

using google::protobuf::util::TimeUtil;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

// A direct model that knows its errors and its interval, an hour; and one that
// goes step by step, and knows neither.
class ForecastTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteTinyForecaster(dir_.File("direct/1")), IsOk());
    ASSERT_THAT(WriteBundle(dir_.File("steps/1"),
                            TinyForecaster(ForecastMode::kStepByStep)),
                IsOk());
    ASSERT_THAT(WriteTinyBundle(dir_.File("words/1"), {"good"}, 1), IsOk());
    engine_ = std::make_unique<Engine>(EngineOptions{.workers = 1}, clock_);
    Load();
  }

  void Load() {
    repository_ = ModelRepository::Open(dir_.path()).value();
    ASSERT_THAT(repository_->LoadAll([] { return false; }), IsOk());
    core_ = std::make_unique<ForecastCore>(repository_.get(), engine_.get());
  }

  absl::StatusOr<v1::ForecastResponse> Ask(const v1::ForecastRequest& request) {
    absl::StatusOr<v1::ForecastResponse> result = absl::UnknownError("");
    std::latch done(1);
    core_->Forecast(request, {},
                    [&](absl::StatusOr<v1::ForecastResponse> response,
                        const CallReport& report) {
                      result = std::move(response);
                      report_ = report;
                      done.count_down();
                    });
    done.wait();
    return result;
  }

  // Eight steps of both series, "heat" first, in another order than the model.
  static v1::ForecastRequest Request(const std::string& model = "direct") {
    v1::ForecastRequest request;
    request.mutable_model()->set_name(model);
    v1::Series* heat = request.add_history();
    heat->set_name("heat");
    v1::Series* load = request.add_history();
    load->set_name("load");
    for (int i = 0; i < 8; ++i) {
      heat->add_values(-3 + 0.25 * i);
      load->add_values(100 + 5 * std::sin(i));
    }
    return request;
  }

  // What the model says by itself of the request's history.
  std::vector<float> Expected(const v1::ForecastRequest& request, int steps) {
    std::vector<float> history;
    for (int i = 0; i < request.history(0).values_size(); ++i) {
      history.push_back(static_cast<float>(request.history(1).values(i)));
      history.push_back(static_cast<float>(request.history(0).values(i)));
    }
    const auto handle = repository_->Get(request.model().name());
    return Forecast(*handle->model, history, steps).value();
  }

  // Every `step`, from 2016-07-01 on.
  static void AddTimes(absl::Duration step, v1::ForecastRequest* request) {
    for (int i = 0; i < 8; ++i) {
      *request->add_timestamps() = TimeUtil::SecondsToTimestamp(
          1467331200 + i * absl::ToInt64Seconds(step));
    }
  }

  static void SetTime(int i, const std::string& time,
                      v1::ForecastRequest* request) {
    EXPECT_TRUE(TimeUtil::FromString(time, request->mutable_timestamps(i)));
  }

  static std::vector<std::string> TimesOf(
      const v1::ForecastResponse& response) {
    std::vector<std::string> times;
    for (const auto& time : response.timestamps()) {
      times.push_back(TimeUtil::ToString(time));
    }
    return times;
  }

  // The request is refused, because of that field.
  void ExpectInvalid(const v1::ForecastRequest& request,
                     const std::string& field, const std::string& message) {
    const auto response = Ask(request);
    EXPECT_THAT(response, StatusIs(kInvalid, HasSubstr(message)));
    EXPECT_EQ(BadField(response.status()), field);
  }

  TempDir dir_;
  FakeClock clock_;
  std::unique_ptr<ModelRepository> repository_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<ForecastCore> core_;
  CallReport report_;
};

// Named, so in any order; the response is in the same.
TEST_F(ForecastTest, ContinuesEverySeriesInItsUnits) {
  const v1::ForecastRequest request = Request();
  const auto response = Ask(request);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->model().name(), "direct");
  EXPECT_EQ(response->model().version(), 1);
  ASSERT_THAT(response->series(), SizeIs(2));
  EXPECT_EQ(response->series(0).name(), "heat");
  EXPECT_EQ(response->series(1).name(), "load");
  const std::vector<float> expected = Expected(request, 3);
  ASSERT_THAT(response->series(0).values(), SizeIs(3));
  for (int step = 0; step < 3; ++step) {
    const auto at = static_cast<size_t>(step) * 2;
    EXPECT_NEAR(response->series(0).values(step), expected[at + 1], 1e-5);
    EXPECT_NEAR(response->series(1).values(step), expected[at], 1e-4);
    const double value = response->series(0).values(step);
    EXPECT_EQ(value, RoundTrip(static_cast<float>(value)));  // few digits
  }
  EXPECT_THAT(response->series(0).quantiles(), IsEmpty());
  EXPECT_THAT(response->timestamps(), IsEmpty());
  EXPECT_EQ(report_.version, 1);
  EXPECT_EQ(report_.batch, 1);
}

TEST_F(ForecastTest, QuantilesComeInTheOrderAskedFor) {
  v1::ForecastRequest request = Request();
  request.set_horizon(2);
  for (const double level : {0.9, 0.1, 0.3}) request.add_quantiles(level);
  const auto response = Ask(request);
  ASSERT_THAT(response, IsOk());
  const v1::SeriesForecast& load = response->series(1);
  ASSERT_THAT(load.quantiles(), SizeIs(3));
  EXPECT_EQ(load.quantiles(0).level(), 0.9);
  EXPECT_EQ(load.quantiles(2).level(), 0.3);
  ASSERT_THAT(load.quantiles(0).values(), SizeIs(2));
  // One deviation of 20 at the first step, two at the second.
  EXPECT_NEAR(load.quantiles(0).values(0), load.values(0) + 20, 1e-4);
  EXPECT_NEAR(load.quantiles(1).values(1), load.values(1) - 40, 1e-4);
  EXPECT_NEAR(load.quantiles(2).values(1), load.values(1) - 20, 1e-4);
}

TEST_F(ForecastTest, TimestampsGoOn) {
  v1::ForecastRequest request = Request();
  AddTimes(absl::Hours(1), &request);
  const auto response = Ask(request);
  ASSERT_THAT(response, IsOk());
  EXPECT_THAT(TimesOf(*response),
              ElementsAre("2016-07-01T08:00:00Z", "2016-07-01T09:00:00Z",
                          "2016-07-01T10:00:00Z"));
}

// A model that does not know its interval takes that of the history, months
// too.
TEST_F(ForecastTest, TimestampsMayBeMonths) {
  v1::ForecastRequest request = Request("steps");
  for (int month = 5; month <= 12; ++month) {
    const std::string text = "2016-" + std::string(month < 10 ? "0" : "") +
                             std::to_string(month) + "-01T00:00:00Z";
    EXPECT_TRUE(TimeUtil::FromString(text, request.add_timestamps()));
  }
  const auto response = Ask(request);
  ASSERT_THAT(response, IsOk());
  EXPECT_THAT(TimesOf(*response),
              ElementsAre("2017-01-01T00:00:00Z", "2017-02-01T00:00:00Z",
                          "2017-03-01T00:00:00Z"));
  SetTime(5, "2016-10-02T00:00:00Z", &request);
  ExpectInvalid(request, "timestamps[5]",
                "expected 2016-10-01T00:00:00Z, one step (1 month)");
}

// Each says which time was expected, which was found, and what that means.
TEST_F(ForecastTest, GapsAreErrors) {
  v1::ForecastRequest request = Request();
  AddTimes(absl::Hours(1), &request);
  const auto expect = [&](const std::string& time, const std::string& message) {
    v1::ForecastRequest changed = request;
    SetTime(3, time, &changed);
    ExpectInvalid(changed, "timestamps[3]",
                  "]: expected 2016-07-01T03:00:00Z, one step (1h) after the "
                  "one before it, found " +
                      time + message);
  };
  expect("2016-07-01T04:00:00Z", ", so steps are missing");
  expect("2016-07-01T02:00:00Z", " twice");
  expect("2016-07-01T01:00:00Z", ", which is out of order");
  expect("2016-07-01T03:30:00Z", ", which is not at a step");
}

// The model was trained at hours.
TEST_F(ForecastTest, AnotherIntervalThanTheModelsIsAnError) {
  v1::ForecastRequest request = Request();
  AddTimes(absl::Minutes(30), &request);
  ExpectInvalid(request, "timestamps[1]", "one step (1h) after");
  request.mutable_model()->set_name("steps");
  EXPECT_THAT(Ask(request), IsOk());
  SetTime(1, "2016-07-01T00:00:00Z", &request);
  ExpectInvalid(request, "timestamps[1]",
                "expected a time after 2016-07-01T00:00:00Z, found "
                "2016-07-01T00:00:00Z twice");
}

TEST_F(ForecastTest, TimestampsThatAreNoneAreErrors) {
  v1::ForecastRequest request = Request();
  AddTimes(absl::Hours(1), &request);
  v1::ForecastRequest changed = request;
  changed.mutable_timestamps(2)->set_nanos(-1);
  ExpectInvalid(changed, "timestamps[2]", "expected a time of the years");
  changed = request;
  changed.mutable_timestamps(7)->set_seconds(
      std::numeric_limits<int64_t>::max());
  ExpectInvalid(changed, "timestamps[7]", "expected a time of the years");
  changed = request;
  changed.mutable_timestamps()->RemoveLast();
  ExpectInvalid(changed, "timestamps",
                "expected none, or one for each of the 8 steps");
  for (int i = 0; i < 8; ++i) {
    SetTime(i, "9999-12-31T1" + std::to_string(i) + ":00:00Z", &request);
  }
  EXPECT_THAT(Ask(request), IsOk());
  for (int i = 0; i < 8; ++i) {
    request.mutable_timestamps(i)->set_seconds(request.timestamps(i).seconds() +
                                               4 * 3600);
  }
  ExpectInvalid(request, "timestamps",
                "up to the year 9999, found a history up to ");
}

// One alone does not tell what comes next.
TEST_F(ForecastTest, SingleTimestampOfAnUnknownIntervalGivesNone) {
  BundleContent content = TinyForecaster();
  auto& manifest = std::get<ForecasterManifest>(content.manifest.model);
  manifest.sizes.window = 1;
  content.self_test_windows = {{100, -3}};
  ASSERT_THAT(WriteBundle(dir_.File("single/1"), content), IsOk());
  Load();
  v1::ForecastRequest request;
  request.mutable_model()->set_name("single");
  for (const char* name : {"load", "heat"}) {
    request.add_history()->set_name(name);
    request.mutable_history(request.history_size() - 1)->add_values(1);
  }
  *request.add_timestamps() = TimeUtil::SecondsToTimestamp(0);
  const auto response = Ask(request);
  ASSERT_THAT(response, IsOk());
  EXPECT_THAT(response->timestamps(), IsEmpty());
}

TEST_F(ForecastTest, SeriesAreThoseOfTheModel) {
  v1::ForecastRequest request = Request();
  request.mutable_history(1)->set_name("lod");
  ExpectInvalid(request, "history[1].name",
                R"(the model's series, "load", "heat", found "lod")");
  request.mutable_history(1)->set_name("");
  ExpectInvalid(request, "history[1].name", "the model's series, ");
  request.mutable_history(1)->set_name("heat");
  ExpectInvalid(request, "history[1].name", R"(found "heat" twice)");
  request.mutable_history()->RemoveLast();
  ExpectInvalid(request, "history", R"(found no "load")");
  request.clear_history();
  ExpectInvalid(request, "history", "expected the model's series, found none");
}

TEST_F(ForecastTest, ValuesAreFiniteAndFloats) {
  for (const double value :
       {double{NAN}, double{INFINITY}, -double{INFINITY}, 1e39, -1e300}) {
    v1::ForecastRequest request = Request();
    request.mutable_history(1)->set_values(0, value);
    ExpectInvalid(request, "history[1].values[0]", "expected a finite value");
  }
}

// A float can hold it, but nothing follows from it.
TEST_F(ForecastTest, HistoryThatNothingFollowsFromIsAnError) {
  v1::ForecastRequest request = Request();
  request.mutable_history(0)->set_values(7, 3e38);
  ExpectInvalid(request, "history", "expected a finite value, found inf");
}

TEST_F(ForecastTest, SeriesAreEquallyLongAndLongEnough) {
  v1::ForecastRequest request = Request();
  request.mutable_history(1)->mutable_values()->RemoveLast();
  ExpectInvalid(request, "history[1].values",
                "expected 8 steps, as many as the first series has, found 7");
  for (v1::Series& series : *request.mutable_history()) {
    series.mutable_values()->Truncate(5);
  }
  ExpectInvalid(request, "history", "at least 6 steps, found 5");
  for (v1::Series& series : *request.mutable_history()) series.clear_values();
  ExpectInvalid(request, "history", "at least 6 steps, found 0");
}

TEST_F(ForecastTest, HorizonIsWhatTheModelHas) {
  v1::ForecastRequest request = Request();
  for (const int horizon : {0, -1, 4, std::numeric_limits<int>::max()}) {
    request.set_horizon(horizon);
    ExpectInvalid(request, "horizon", "expected 1 to 3, found");
  }
  request.mutable_model()->set_name("steps");
  request.set_horizon(50);
  const auto response = Ask(request);
  ASSERT_THAT(response, IsOk());
  EXPECT_THAT(response->series(0).values(), SizeIs(50));
  request.set_horizon(4097);
  ExpectInvalid(request, "horizon", "expected at most 4096, found 4097");
  request.set_horizon(65537);
  ExpectInvalid(request, "horizon", "expected 1 to 65536, found 65537");
}

TEST_F(ForecastTest, QuantilesAreThoseThatWereMeasured) {
  for (const double level : {0.0, 0.05, 0.95, 1.0, double{NAN}}) {
    v1::ForecastRequest request = Request();
    request.add_quantiles(0.5);
    request.add_quantiles(level);
    ExpectInvalid(request, "quantiles[1]",
                  "quantiles[1]: expected a level from 0.1 to 0.9, as they "
                  "were measured, found ");
  }
  v1::ForecastRequest request = Request("steps");
  request.add_quantiles(0.5);
  EXPECT_THAT(Ask(request),
              StatusIs(kPrecondition, HasSubstr("has no quantiles")));
  request = Request();
  for (int i = 0; i < 33; ++i) request.add_quantiles(0.5);
  ExpectInvalid(request, "quantiles",
                "quantiles: expected at most 32, found 33");
}

// Nothing is made of what is too large.
TEST_F(ForecastTest, SizesAreBounded) {
  v1::ForecastRequest request = Request("steps");
  request.mutable_history(0)->mutable_values()->Resize(65537, 1);
  request.mutable_history(1)->mutable_values()->Resize(65537, 1);
  ExpectInvalid(request, "history",
                "expected at most 65536 steps, found 65537");
  request = Request();
  request.clear_history();
  for (int i = 0; i < 5; ++i) {
    request.add_history()->mutable_values()->Resize(60000, 1);
  }
  ExpectInvalid(request, "history",
                "expected at most 262144 values, found 300000");
}

TEST_F(ForecastTest, ResponseIsBounded) {
  BundleContent content = TinyForecaster(ForecastMode::kStepByStep);
  content.quantiles = TinyQuantiles();
  ASSERT_THAT(WriteBundle(dir_.File("both/1"), content), IsOk());
  Load();
  v1::ForecastRequest request = Request("both");
  request.set_horizon(4096);
  request.add_quantiles(0.1);
  EXPECT_THAT(Ask(request),
              StatusIs(kPrecondition, HasSubstr("measured for 3 steps")));
  for (int i = 1; i < 32; ++i) request.add_quantiles(0.9);
  ExpectInvalid(request, "horizon", "found 270336, of 4096 steps");
}

TEST_F(ForecastTest, ModelMustBeThereAndAForecaster) {
  v1::ForecastRequest request = Request("words");
  ExpectInvalid(request, "model.name",
                "expected a model that forecasts series (forecaster), found "
                "\"words\", which completes texts (language_model)");
  request.mutable_model()->set_name("nope");
  EXPECT_THAT(Ask(request), StatusIs(absl::StatusCode::kNotFound));
  request.clear_model();
  ExpectInvalid(request, "model.name",
                "several models, direct, steps, found none");
}

}  // namespace
}  // namespace carousel
