// SPDX-License-Identifier: Apache-2.0

#include "client/load/load.h"

#include <atomic>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

void NoProgress(double, int64_t) {}

LoadOptions Short(const std::string& server) {
  LoadOptions options;
  options.server = server;
  options.concurrency = 3;
  options.duration = absl::Milliseconds(300);
  options.warm_up = absl::Milliseconds(50);
  return options;
}

LoadOptions Typing(const std::string& server) {
  LoadOptions options = Short(server);
  options.rpc = LoadOptions::Rpc::kKeystrokes;
  return options;
}

// A server that answers, and counts the calls under way.
class LoadTest : public ::testing::Test {
 protected:
  absl::Status Answer() {
    const int now = ++under_way_;
    int most = most_under_way_;
    while (now > most && !most_under_way_.compare_exchange_weak(most, now)) {
    }
    const int64_t number = ++calls_;
    --under_way_;
    if (number % 4 == 0 && fails_) return absl::ResourceExhaustedError("full");
    return absl::OkStatus();
  }

  std::atomic<int> under_way_ = 0, most_under_way_ = 0;
  std::atomic<int64_t> calls_ = 0;
  std::atomic<bool> fails_ = false;
  std::atomic<bool> last_text_is_line_ = false;
  FakeServer server_{
      {.complete = [this](const v1::CompleteRequest&,
                          v1::CompleteResponse&) { return Answer(); },
       .score =
           [this](const v1::ScoreRequest& request, v1::ScoreResponse&) {
             last_text_is_line_ = request.text() == "a line";
             return Answer();
           }}};
};

TEST_F(LoadTest, ClosedLoopCountsWhatIsAnsweredAndHowFast) {
  const auto result = RunLoad(Short(server_.address()), NoProgress);
  ASSERT_THAT(result, IsOk());
  EXPECT_GT(result->latency.count(), 10);
  EXPECT_LE(result->latency.count(), calls_);  // those of the warm-up are not
  EXPECT_NEAR(result->calls_per_second(),
              static_cast<double>(result->latency.count()) / 0.3, 1e-6);
  EXPECT_TRUE(result->errors.empty());
  EXPECT_LE(most_under_way_, 3);
}

TEST_F(LoadTest, ErrorsAreCountedByTheirCode) {
  fails_ = true;
  const auto result = RunLoad(Short(server_.address()), NoProgress);
  ASSERT_THAT(result, IsOk());
  ASSERT_TRUE(result->errors.contains("RESOURCE_EXHAUSTED"));
  EXPECT_NEAR(static_cast<double>(result->errors.at("RESOURCE_EXHAUSTED")) /
                  static_cast<double>(result->latency.count()),
              1.0 / 3, 0.1);
}

TEST_F(LoadTest, OpenLoopSendsAtItsRate) {
  LoadOptions options = Short(server_.address());
  options.concurrency = 100;
  options.rate = 100;
  options.duration = absl::Milliseconds(500);
  const auto result = RunLoad(options, NoProgress);
  ASSERT_THAT(result, IsOk());
  EXPECT_GE(result->latency.count(), 20);
  EXPECT_LE(result->latency.count(), 51);
}

// The time is over before the next call is due.
TEST_F(LoadTest, SlowRateEndsInTime) {
  LoadOptions options = Short(server_.address());
  options.rate = 0.001;
  const absl::Time start = absl::Now();
  ASSERT_THAT(RunLoad(options, NoProgress), IsOk());
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
}

// A person types into one text field, so all goes through one stream.
TEST_F(LoadTest, EachUserTypesIntoOneStream) {
  const auto result = RunLoad(Typing(server_.address()), NoProgress);
  ASSERT_THAT(result, IsOk());
  EXPECT_GT(result->latency.count(), 10);
  EXPECT_TRUE(result->errors.empty());
  EXPECT_EQ(server_.streams(), 3);
  EXPECT_LE(most_under_way_, 3);
}

TEST_F(LoadTest, RefusedKeystrokesAreCountedAndTheStreamGoesOn) {
  fails_ = true;
  const auto result = RunLoad(Typing(server_.address()), NoProgress);
  ASSERT_THAT(result, IsOk());
  ASSERT_TRUE(result->errors.contains("RESOURCE_EXHAUSTED"));
  EXPECT_GT(result->latency.count(), 10);
  EXPECT_EQ(server_.streams(), 3);
}

TEST_F(LoadTest, OpenLoopTypesAtItsRate) {
  LoadOptions options = Typing(server_.address());
  options.rate = 100;
  options.duration = absl::Milliseconds(500);
  const auto result = RunLoad(options, NoProgress);
  ASSERT_THAT(result, IsOk());
  EXPECT_GE(result->latency.count(), 20);
  EXPECT_LE(result->latency.count(), 51);
  EXPECT_EQ(server_.streams(), 3);
}

// What a server that drains does.
TEST(RunLoadTest, StreamThatBreaksIsCountedAndOpenedAnew) {
  std::atomic<int> calls = 0;
  FakeServer server(
      {.complete = [&](const v1::CompleteRequest&, v1::CompleteResponse&) {
        return ++calls % 5 == 0 ? absl::UnavailableError("draining")
                                : absl::OkStatus();
      }});
  const auto result = RunLoad(Typing(server.address()), NoProgress);
  ASSERT_THAT(result, IsOk());
  ASSERT_TRUE(result->errors.contains("UNAVAILABLE"));
  EXPECT_GT(result->latency.count(), 10);
  EXPECT_GT(server.streams(), 3);
}

// They are the price of typing faster than the server answers.
TEST(RunLoadTest, SupersededKeystrokesAreCounted) {
  std::atomic<int> calls = 0;
  FakeServer server(
      {.complete = [&](const v1::CompleteRequest&, v1::CompleteResponse&) {
        return ++calls % 2 == 0 ? absl::CancelledError("superseded")
                                : absl::OkStatus();
      }});
  LoadOptions options = Typing(server.address());
  options.rate = 1000;
  const auto result = RunLoad(options, NoProgress);
  ASSERT_THAT(result, IsOk());
  ASSERT_TRUE(result->errors.contains("SUPERSEDED"));
  EXPECT_GT(result->latency.count(), 10);
}

// What an open loop could not send is not passed over.
TEST(RunLoadTest, CallsThatAreNotSentAreCounted) {
  FakeServer server({.complete = [](const v1::CompleteRequest& request,
                                    v1::CompleteResponse&) {
    if (!request.text().empty()) absl::SleepFor(absl::Milliseconds(100));
    return absl::OkStatus();
  }});
  LoadOptions options = Short(server.address());
  options.concurrency = 1;
  options.rate = 100;
  const auto result = RunLoad(options, NoProgress);
  ASSERT_THAT(result, IsOk());
  ASSERT_TRUE(result->errors.contains("NOT_SENT"));
  EXPECT_GT(result->errors.at("NOT_SENT"), result->latency.count());
}

// Else every call of the load would fail, and none would say why.
TEST(RunLoadTest, VersionThatThereIsNotIsSaidAtOnce) {
  FakeServer server({.complete = [](const v1::CompleteRequest& request,
                                    v1::CompleteResponse&) {
    return request.model().version() == 7 ? absl::NotFoundError("no version 7")
                                          : absl::OkStatus();
  }});
  LoadOptions options = Short(server.address());
  options.model = "m";
  options.version = 7;
  EXPECT_THAT(RunLoad(options, NoProgress),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no version 7")));
}

TEST(RunLoadTest, ServerThatDoesNotAnswerIsSaid) {
  LoadOptions options = Short("127.0.0.1:1");
  options.timeout = absl::Seconds(1);
  EXPECT_THAT(RunLoad(options, NoProgress).status().message(),
              HasSubstr("127.0.0.1:1"));
}

TEST(LoadJsonTest, FiguresHaveTheNamesOfTheContract) {
  LoadResult result = {.measured = absl::Seconds(2)};
  for (int i = 0; i < 10; ++i) result.latency.Add(absl::Microseconds(100));
  result.errors["UNAVAILABLE"] = 3;
  const auto json = nlohmann::json::parse(LoadJson(result));
  EXPECT_EQ(json["qps"], 5.0);
  for (const char* name : {"p50_us", "p90_us", "p99_us", "p999_us"}) {
    EXPECT_EQ(json[name], 100);
  }
  EXPECT_EQ(json["errors"]["UNAVAILABLE"], 3);
}

TEST_F(LoadTest, ScoresWholeLines) {
  LoadOptions options = Short(server_.address());
  options.rpc = LoadOptions::Rpc::kScore;
  options.lines = {"a line"};
  const auto result = RunLoad(options, NoProgress);
  ASSERT_THAT(result, IsOk());
  EXPECT_GT(result->latency.count(), 0);
  EXPECT_TRUE(last_text_is_line_);
  EXPECT_LE(most_under_way_, 3);
}

}  // namespace
}  // namespace carousel
