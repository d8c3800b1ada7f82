// SPDX-License-Identifier: Apache-2.0
//
// The only place where an absl::Status becomes a status of gRPC: that of a
// call, or a message inside a stream.

#ifndef CAROUSEL_SERVER_GRPC_STATUS_UTIL_H_
#define CAROUSEL_SERVER_GRPC_STATUS_UTIL_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"

namespace carousel {

// Messages travel in trailers, which clients bound to some kilobytes.
inline constexpr size_t kMaxMessageBytes = 1024;

// The same code; the message as ForTrailer makes it; advice to try again later
// (RetryDelayOf) as a google.rpc.RetryInfo; and the details of core/errors.h.
google::rpc::Status ToStatusMessage(const absl::Status& status);

// The same; what has details carries them in `grpc-status-details-bin`.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The advice as the trailer `grpc-retry-pushback-ms`, which clients with a
// retry policy obey by themselves. Without advice none.
void AddRetryTrailer(const absl::Status& status,
                     grpc::CallbackServerContext* context);

// `message` as valid UTF-8 of at most kMaxMessageBytes: what is not valid
// becomes U+FFFD, control characters become spaces, and a cut shows as "...".
std::string ForTrailer(absl::string_view message);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_STATUS_UTIL_H_
