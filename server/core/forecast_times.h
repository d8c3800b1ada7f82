// SPDX-License-Identifier: Apache-2.0
//
// Timestamps of a history and of what follows it.

#ifndef CAROUSEL_SERVER_CORE_FORECAST_TIMES_H_
#define CAROUSEL_SERVER_CORE_FORECAST_TIMES_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/timestamp.pb.h"
#include "model/base/series_time.h"

namespace carousel {

using Timestamps =
    google::protobuf::RepeatedPtrField<google::protobuf::Timestamp>;

// The `steps` times after `history`, which rises by `interval`, or if there is
// none by what lies between its first two times. Empty if nobody knows what
// lies between two. INVALID_ARGUMENT about `timestamps[i]`: one that protobuf
// does not allow, or that is not one step after the one before, with what was
// expected and found; or about `timestamps` if the forecast reaches beyond the
// year 9999.
absl::StatusOr<std::vector<absl::Time>> TimesAfter(
    const Timestamps& history, const std::optional<TimeStep>& interval,
    int steps);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_FORECAST_TIMES_H_
