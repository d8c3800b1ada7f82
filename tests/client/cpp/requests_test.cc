// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/requests.h"

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

// Whatever is said reaches the message.
TEST(RequestsTest, EveryOptionIsInItsField) {
  const auto complete = MakeCompleteRequest(
      "a", {.max_suggestions = 0, .max_words = 4, .min_confidence = 0.0});
  ASSERT_THAT(complete, IsOk());
  EXPECT_TRUE(complete->has_max_suggestions());  // 0 is not unset
  EXPECT_EQ(complete->max_words(), 4);
  EXPECT_TRUE(complete->has_min_confidence());
  const auto score =
      MakeScoreRequest("a", {.model = "m", .label = "canary", .running = true});
  ASSERT_THAT(score, IsOk());
  EXPECT_EQ(score->model().label(), "canary");
  EXPECT_FALSE(score->contributions());
  EXPECT_TRUE(score->running());
  const auto translate = MakeTranslateRequest(
      "a", {.beam_size = 3, .length_penalty = 0.0, .coverage_penalty = 0.25});
  ASSERT_THAT(translate, IsOk());
  EXPECT_EQ(translate->beam_size(), 3);
  EXPECT_TRUE(translate->has_length_penalty());
  EXPECT_EQ(translate->coverage_penalty(), 0.25);
  EXPECT_FALSE(translate->has_max_translations());
}

// protobuf's duration: nanoseconds have the sign of the seconds, and there is
// none without an end.
TEST(RequestsTest, TimeLimitIsADurationOrNone) {
  const auto limit = [](absl::Duration time) {
    return *MakeTranslateRequest("", {.time_limit = time});
  };
  EXPECT_EQ(limit(absl::Milliseconds(2250)).time_limit().seconds(), 2);
  EXPECT_EQ(limit(absl::Milliseconds(2250)).time_limit().nanos(), 250'000'000);
  EXPECT_EQ(limit(absl::Milliseconds(-1500)).time_limit().seconds(), -1);
  EXPECT_EQ(limit(absl::Milliseconds(-1500)).time_limit().nanos(),
            -500'000'000);
  EXPECT_FALSE(limit(absl::InfiniteDuration()).has_time_limit());
}

TEST(RequestsTest, TextThatIsNotUtf8IsRefusedInEachField) {
  const auto refused = [](absl::string_view what) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what));
  };
  EXPECT_THAT(MakeCompleteRequest("", {.context = "\xff"}), refused("context"));
  EXPECT_THAT(MakeScoreRequest("\xff", {}), refused("text"));
  EXPECT_THAT(MakeTranslateRequest("\xff", {}), refused("text"));
  EXPECT_THAT(MakeExplainRequest("\xff", {}), refused("text"));
}

// Nanoseconds count forward, also before 1970; the ends are protobuf's.
TEST(RequestsTest, TimesOfASeriesAreTimestamps) {
  const absl::Time first = absl::FromUnixSeconds(-62135596800);
  const absl::Time last =
      absl::FromUnixSeconds(253402300800) - absl::Nanoseconds(1);
  const auto request = MakeForecastRequest(
      {.series = {}, .times = {first, absl::FromUnixMillis(-250), last}}, {});
  ASSERT_THAT(request, IsOk());
  EXPECT_EQ(request->timestamps(0).seconds(), -62135596800);
  EXPECT_EQ(request->timestamps(1).seconds(), -1);
  EXPECT_EQ(request->timestamps(1).nanos(), 750'000'000);
  EXPECT_EQ(request->timestamps(2).nanos(), 999'999'999);
  EXPECT_THAT(
      MakeForecastRequest(
          {.series = {}, .times = {first - absl::Nanoseconds(1)}}, {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("years 1 to")));
}

}  // namespace
}  // namespace carousel
