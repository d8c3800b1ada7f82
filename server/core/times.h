// SPDX-License-Identifier: Apache-2.0
//
// Instants and durations as messages, and back.

#ifndef CAROUSEL_SERVER_CORE_TIMES_H_
#define CAROUSEL_SERVER_CORE_TIMES_H_

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace carousel {

// REQUIRES: of the years 1 to 9999. What is less than a nanosecond is cut off.
google::protobuf::Timestamp ToTimestamp(absl::Time time);
absl::Time ToTime(const google::protobuf::Timestamp& timestamp);

// REQUIRES: of at most 10,000 years.
google::protobuf::Duration ToMessage(absl::Duration duration);
absl::Duration ToDuration(const google::protobuf::Duration& duration);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_TIMES_H_
