// SPDX-License-Identifier: Apache-2.0

#include "model/base/retry.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::Optional;

// The advice travels with the status; what the status says stays.
TEST(RetryTest, DelayIsFoundInTheStatusThatItWasGivenTo) {
  const absl::Status status = WithRetryDelay(
      absl::ResourceExhaustedError("full"), absl::Microseconds(1234567));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, "full"));
  EXPECT_THAT(RetryDelayOf(status), Optional(absl::Microseconds(1234567)));
}

// Most errors know nothing of another try.
TEST(RetryTest, StatusWithoutADelayHasNone) {
  EXPECT_EQ(RetryDelayOf(absl::ResourceExhaustedError("full")), std::nullopt);
  EXPECT_EQ(RetryDelayOf(absl::OkStatus()), std::nullopt);
}

// Success needs no other try.
TEST(RetryTest, OkTakesNoDelay) {
  EXPECT_EQ(WithRetryDelay(absl::OkStatus(), absl::Seconds(1)),
            absl::OkStatus());
}

// Whoever knows better has the last word.
TEST(RetryTest, LaterDelayReplacesTheEarlierOne) {
  const absl::Status status = WithRetryDelay(
      WithRetryDelay(absl::UnavailableError("x"), absl::Seconds(1)),
      absl::ZeroDuration());
  EXPECT_THAT(RetryDelayOf(status), Optional(absl::ZeroDuration()));
}

}  // namespace
}  // namespace carousel
