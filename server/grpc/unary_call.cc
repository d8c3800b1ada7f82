// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/unary_call.h"

#include "absl/strings/str_cat.h"
#include "grpcpp/server_context.h"
#include "server/grpc/messages.h"
#include "server/grpc/status_util.h"

namespace carousel {

UnaryCall::UnaryCall(const Environment& environment, absl::string_view method,
                     grpc::CallbackServerContext* context,
                     grpc::ByteBuffer* reply)
    : environment_(environment),
      method_(method),
      start_(environment.clock->Now()),
      context_(context),
      reply_(reply),
      cancelled_(std::make_shared<std::atomic<bool>>(false)) {}

CallContext UnaryCall::call_context() const {
  return {absl::FromChrono(context_->deadline()), cancelled_};
}

void UnaryCall::Answer(absl::Status status,
                       const google::protobuf::Message* response,
                       const CallReport& report) {
  if (status.ok()) status = SerialiseMessage(*response, reply_);
  AddReportTrailers(report, context_);
  AddRetryTrailer(status, context_);
  environment_.metrics->Record({.method = method_,
                                .code = status.code(),
                                .total = environment_.clock->Now() - start_,
                                .queue = report.queue,
                                .compute = report.compute,
                                .computed = report.batch > 0});
  Finish(ToGrpcStatus(status));
}

void AddReportTrailers(const CallReport& report,
                       grpc::CallbackServerContext* context) {
  const auto add = [context](const char* name, int64_t value) {
    context->AddTrailingMetadata(name, absl::StrCat(value));
  };
  if (report.version > 0) add("carousel-version", report.version);
  if (!report.queue.has_value()) return;
  add("carousel-queue-us", absl::ToInt64Microseconds(*report.queue));
  if (report.batch == 0) return;
  add("carousel-compute-us", absl::ToInt64Microseconds(report.compute));
  add("carousel-batch", report.batch);
}

}  // namespace carousel
