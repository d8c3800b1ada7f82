// SPDX-License-Identifier: Apache-2.0
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/client_fixture.h"

namespace carousel {
namespace {

using testing::HasSubstr;

// Values, names and times as they are; an unset field has a meaning.
TEST(ClientForecastTest, ForecastSendsTheHistoryAndReturnsTheAnswer) {
  v1::ForecastRequest last;
  FakeServer server({.forecast = [&](const v1::ForecastRequest& request,
                                     v1::ForecastResponse& response) {
    last = request;
    response.add_series()->add_values(4.5);
    return absl::OkStatus();
  }});
  const auto client = ConnectTo(server.address());
  SeriesHistory history = {.series = {{"load", {1, 2.5}}, {"heat", {3, 4}}},
                           .times = {}};
  const auto response = client->Forecast(history);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->series(0).values(0), 4.5);
  ASSERT_EQ(last.history_size(), 2);
  EXPECT_EQ(last.history(0).name(), "load");
  EXPECT_EQ(last.history(0).values(1), 2.5);
  EXPECT_FALSE(last.has_model());
  EXPECT_FALSE(last.has_horizon());
  EXPECT_EQ(last.quantiles_size(), 0);
  EXPECT_EQ(last.timestamps_size(), 0);

  // Also before 1970, where seconds are negative and nanos are not.
  history.times = {absl::FromUnixMillis(-1500), absl::FromUnixSeconds(7)};
  ASSERT_THAT(
      client->Forecast(
          history,
          {.model = "m", .version = 2, .horizon = 3, .quantiles = {0.1, 0.9}}),
      IsOk());
  EXPECT_EQ(last.model().version(), 2);
  EXPECT_EQ(last.horizon(), 3);
  EXPECT_EQ(last.quantiles(1), 0.9);
  EXPECT_EQ(last.timestamps(0).seconds(), -2);
  EXPECT_EQ(last.timestamps(0).nanos(), 500000000);
  EXPECT_EQ(last.timestamps(1).seconds(), 7);
}

// gRPC would answer them without a word why.
TEST(ClientForecastTest, ForecastRefusesWhatNoMessageCanHold) {
  FakeServer server({});
  const auto client = ConnectTo(server.address());
  EXPECT_THAT(client->Forecast({.series = {{"l\xE9", {1}}}, .times = {}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("name of a series: not valid UTF-8")));
  for (const absl::Time time : {absl::InfiniteFuture(), absl::InfinitePast(),
                                absl::FromUnixSeconds(253402300800)}) {
    EXPECT_THAT(client->Forecast({.series = {{"a", {1}}}, .times = {time}}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("expected the years 1 to 9999")));
  }
}

}  // namespace
}  // namespace carousel
