// SPDX-License-Identifier: Apache-2.0
//
// Errors with what a program can act on: a status carries the messages of
// proto/google/rpc as payloads, and the transport hands them on. Their texts
// are MessageTexts of half a KiB at most.

#ifndef CAROUSEL_SERVER_CORE_ERRORS_H_
#define CAROUSEL_SERVER_CORE_ERRORS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/any.pb.h"
#include "google/rpc/status.pb.h"

namespace carousel {

// INVALID_ARGUMENT: `field`, a path in the request ("model.name"), is not as it
// should be; `what` says so: "expected 1 to 16, found 0". The message is
// "field: what"; a google.rpc.BadRequest has them apart.
absl::Status InvalidField(absl::string_view field, absl::string_view what);

// `status`, an error, about that field.
absl::Status AboutField(absl::string_view field, absl::Status status);

// `status`, if it is an error whose message begins with an option that is out
// of its bounds ("beam_size: expected ..."), about the field of that name; OK
// stays OK.
absl::Status AboutOption(absl::Status status);

// `status` about a model that there is not, e.g. "sentiment-en/7", with a
// google.rpc.ResourceInfo.
absl::Status AboutModel(absl::string_view model, absl::Status status);

// The messages that a status carries, in an order of their own.
std::vector<google::protobuf::Any> ErrorDetails(const absl::Status& status);

// Messages travel in trailers, which clients bound to some kilobytes.
inline constexpr size_t kMaxMessageBytes = 1024;

// `text`, in which anything may be, a path for instance, as valid UTF-8 of at
// most `max_bytes`, which is 3 or more: what is not valid becomes U+FFFD,
// control characters become spaces, and a cut shows as "...".
std::string MessageText(absl::string_view text,
                        size_t max_bytes = kMaxMessageBytes);

// The only place where an absl::Status becomes a message: the same code, its
// MessageText, the advice of RetryMilliseconds as a google.rpc.RetryInfo, and
// its ErrorDetails.
google::rpc::Status ToStatusMessage(const absl::Status& status);

// The advice to try again later (RetryDelayOf), if there is some, in whole
// milliseconds, rounded up: not a moment too early. Bounded by a day, so that
// every client's integers hold it.
std::optional<int64_t> RetryMilliseconds(const absl::Status& status);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_ERRORS_H_
