// SPDX-License-Identifier: Apache-2.0

#include "model/base/status_macros.h"

#include <memory>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

absl::StatusOr<std::unique_ptr<int>> Parse(int value) {
  if (value < 0) return absl::InvalidArgumentError("negative");
  return std::make_unique<int>(value);
}

absl::Status Check(int value) { return Parse(value).status(); }

absl::StatusOr<int> Sum(int a, int b) {
  RETURN_IF_ERROR(Check(a));
  ASSIGN_OR_RETURN(const std::unique_ptr<int> x, Parse(a));
  ASSIGN_OR_RETURN(const std::unique_ptr<int> y, Parse(b));
  return *x + *y;
}

// Values that only move are moved.
TEST(StatusMacrosTest, ValuesGoThrough) {
  EXPECT_THAT(Sum(1, 2), IsOkAndHolds(3));
}

// The first error ends the function with its code and message.
TEST(StatusMacrosTest, ErrorsArePassedUp) {
  const auto negative =
      StatusIs(absl::StatusCode::kInvalidArgument, "negative");
  EXPECT_THAT(Sum(-1, 2), negative);
  EXPECT_THAT(Sum(1, -2), negative);
}

// The tests' own matchers must tell errors from values.
TEST(StatusMacrosTest, MatchersRefuseWhatDoesNotMatch) {
  EXPECT_THAT(Sum(-1, 2), testing::Not(IsOk()));
  EXPECT_THAT(Sum(-1, 2), testing::Not(IsOkAndHolds(1)));
  EXPECT_THAT(Sum(1, 2), testing::Not(IsOkAndHolds(4)));
  EXPECT_THAT(Check(-1), testing::Not(StatusIs(absl::StatusCode::kNotFound)));
  EXPECT_THAT(Check(-1), testing::Not(StatusIs(
                             absl::StatusCode::kInvalidArgument, "positive")));
}

}  // namespace
}  // namespace carousel
