// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/unary_call.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/server_context.h"
#include "server/grpc/status_util.h"

namespace carousel {
namespace {

using google::protobuf::Message;

grpc::Status Serialise(const Message& message, grpc::ByteBuffer* bytes) {
  bool own_buffer = false;
  return grpc::GenericSerialize<grpc::ProtoBufferWriter, Message>(
      message, bytes, &own_buffer);
}

}  // namespace

UnaryCall::UnaryCall(const Environment& environment, absl::string_view method,
                     grpc::CallbackServerContext* context,
                     grpc::ByteBuffer* reply)
    : environment_(environment),
      method_(method),
      start_(environment.clock->Now()),
      context_(context),
      reply_(reply),
      cancelled_(std::make_shared<std::atomic<bool>>(false)) {}

absl::Status UnaryCall::Parse(const grpc::ByteBuffer& bytes, Message* request) {
  grpc::ByteBuffer shared = bytes;  // reading needs a mutable one
  if (grpc::GenericDeserialize<grpc::ProtoBufferReader, Message>(&shared,
                                                                 request)
          .ok()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the request is not a valid ", request->GetTypeName(),
                   ": expected a protobuf message whose texts are UTF-8"));
}

CallContext UnaryCall::call_context() const {
  return {absl::FromChrono(context_->deadline()), cancelled_};
}

void UnaryCall::Answer(const absl::Status& status, const Message* response,
                       const CallReport& report) {
  grpc::Status result = ToGrpcStatus(status);
  if (result.ok()) result = Serialise(*response, reply_);
  AddTrailers(report);
  environment_.metrics->Record(
      {.method = method_,
       .code = static_cast<absl::StatusCode>(result.error_code()),
       .total = environment_.clock->Now() - start_,
       .queue = report.queue,
       .compute = report.compute,
       .computed = report.batch > 0});
  Finish(result);
}

void UnaryCall::AddTrailers(const CallReport& report) {
  const auto add = [this](const char* name, int64_t value) {
    context_->AddTrailingMetadata(name, absl::StrCat(value));
  };
  if (report.version > 0) add("carousel-version", report.version);
  if (!report.queue.has_value()) return;
  add("carousel-queue-us", absl::ToInt64Microseconds(*report.queue));
  if (report.batch == 0) return;
  add("carousel-compute-us", absl::ToInt64Microseconds(report.compute));
  add("carousel-batch", report.batch);
}

}  // namespace carousel
