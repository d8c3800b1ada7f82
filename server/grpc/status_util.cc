// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/status_util.h"

#include "absl/strings/str_cat.h"
#include "google/rpc/status.pb.h"
#include "server/core/errors.h"

namespace carousel {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status message = ToStatusMessage(status);
  // The codes of both are the canonical ones, with the same numbers.
  const auto code = static_cast<grpc::StatusCode>(message.code());
  if (message.details().empty()) return {code, message.message()};
  return {code, message.message(), message.SerializeAsString()};
}

void AddRetryTrailer(const absl::Status& status,
                     grpc::CallbackServerContext* context) {
  if (const auto milliseconds = RetryMilliseconds(status)) {
    context->AddTrailingMetadata("grpc-retry-pushback-ms",
                                 absl::StrCat(*milliseconds));
  }
}

}  // namespace carousel
