// SPDX-License-Identifier: Apache-2.0
//
// Matchers for absl::Status and absl::StatusOr. (Abseil's own need a release
// newer than the oldest that we build with.)
//
//   EXPECT_THAT(Save(path), IsOk());
//   EXPECT_THAT(Load(path), StatusIs(absl::StatusCode::kNotFound,
//                                    HasSubstr("no such model")));
//   EXPECT_THAT(Count(path), IsOkAndHolds(Gt(3)));

#ifndef CAROUSEL_TESTS_TESTING_STATUS_MATCHERS_H_
#define CAROUSEL_TESTS_TESTING_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace carousel {
namespace internal {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

}  // namespace internal

MATCHER(IsOk, negation ? "is an error" : "is OK") {
  const absl::Status& status = internal::StatusOf(arg);
  if (!status.ok()) *result_listener << "which is " << status.ToString();
  return status.ok();
}

// A status with this code whose message satisfies `message`, a matcher.
MATCHER_P2(StatusIs, code, message, absl::StatusCodeToString(code)) {
  const absl::Status& status = internal::StatusOf(arg);
  *result_listener << "which is " << status.ToString();
  return status.code() == code &&
         testing::Matches(message)(std::string(status.message()));
}
inline auto StatusIs(absl::StatusCode code) {
  return StatusIs(code, testing::_);
}

// An absl::StatusOr with a value that satisfies `value`, a matcher or a value.
MATCHER_P(IsOkAndHolds, value, "is OK and holds a value as expected") {
  if (!arg.ok()) {
    *result_listener << "which is " << arg.status().ToString();
    return false;
  }
  return testing::ExplainMatchResult(value, *arg, result_listener);
}

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_STATUS_MATCHERS_H_
