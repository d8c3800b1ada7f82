// SPDX-License-Identifier: Apache-2.0
//
// Errors with what a program can act on: a status carries the messages of
// proto/google/rpc as payloads, and the transport hands them on. Their texts
// are cut to half a KiB.

#ifndef CAROUSEL_SERVER_CORE_ERRORS_H_
#define CAROUSEL_SERVER_CORE_ERRORS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/any.pb.h"

namespace carousel {

// INVALID_ARGUMENT: `field`, a path in the request ("model.name"), is not as it
// should be; `found` says what was expected and what was found. The message is
// both; a google.rpc.BadRequest has them apart.
absl::Status InvalidField(absl::string_view field, absl::string_view found);

// `status`, an error, about that field.
absl::Status AboutField(absl::string_view field, absl::Status status);

// `status` about a model that there is not, e.g. "sentiment-en/7", with a
// google.rpc.ResourceInfo.
absl::Status AboutModel(absl::string_view model, absl::Status status);

// The messages that a status carries, in an order of their own.
std::vector<google::protobuf::Any> ErrorDetails(const absl::Status& status);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_ERRORS_H_
