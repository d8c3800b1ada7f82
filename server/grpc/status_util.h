// SPDX-License-Identifier: Apache-2.0
//
// The only place where an absl::Status becomes the status of a call of gRPC.

#ifndef CAROUSEL_SERVER_GRPC_STATUS_UTIL_H_
#define CAROUSEL_SERVER_GRPC_STATUS_UTIL_H_

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"

namespace carousel {

// What ToStatusMessage (core/errors.h) says; what has details carries them in
// `grpc-status-details-bin`.
grpc::Status ToGrpcStatus(const absl::Status& status);

// Its RetryMilliseconds as the trailer `grpc-retry-pushback-ms`, which clients
// with a retry policy obey by themselves. Without advice none.
void AddRetryTrailer(const absl::Status& status,
                     grpc::CallbackServerContext* context);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_STATUS_UTIL_H_
