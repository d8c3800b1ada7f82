// SPDX-License-Identifier: Apache-2.0

#include "server/core/times.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

// Protobuf counts nanoseconds upwards on both sides of 1970.
TEST(TimesTest, InstantsComeBack) {
  for (const absl::Duration since :
       {absl::ZeroDuration(), absl::Nanoseconds(1),
        absl::Seconds(1467331200.25), -absl::Nanoseconds(1),
        absl::Seconds(-62135596800),
        absl::Seconds(253402300799) + absl::Nanoseconds(999999999)}) {
    const absl::Time time = absl::UnixEpoch() + since;
    const google::protobuf::Timestamp timestamp = ToTimestamp(time);
    EXPECT_GE(timestamp.nanos(), 0);
    EXPECT_LT(timestamp.nanos(), 1000000000);
    EXPECT_EQ(ToTime(timestamp), time);
  }
}

// Of a duration both parts have its sign.
TEST(TimesTest, DurationsComeBack) {
  for (const absl::Duration duration :
       {absl::ZeroDuration(), absl::Milliseconds(1500), absl::Hours(24 * 400),
        absl::Milliseconds(-1500)}) {
    const google::protobuf::Duration message = ToMessage(duration);
    EXPECT_EQ(ToDuration(message), duration);
    EXPECT_GE(message.seconds() * message.nanos(), 0);
  }
}

}  // namespace
}  // namespace carousel
