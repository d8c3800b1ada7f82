// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/completion_call.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "carousel/v1/autocomplete.pb.h"
#include "grpcpp/server_context.h"
#include "server/grpc/messages.h"
#include "server/grpc/status_util.h"
#include "server/metrics/server_metrics.h"

namespace carousel {
namespace {

constexpr char kMethod[] = "AutocompleteService/CompleteStream";

v1::CompleteStreamResponse ToMessage(CompletionStream::Answer answer) {
  v1::CompleteStreamResponse message;
  message.set_number(answer.number);
  if (answer.response.ok()) {
    *message.mutable_response() = *std::move(answer.response);
  } else {
    *message.mutable_error() = ToStatusMessage(answer.response.status());
  }
  return message;
}

}  // namespace

CompletionCall::CompletionCall(const UnaryCall::Environment& environment,
                               CompletionStream::CompleteFunction complete,
                               LiveStreams* live,
                               grpc::CallbackServerContext* context)
    : environment_(environment),
      live_(live),
      context_(context),
      stream_(CompletionStream::Create(
          {.complete = std::move(complete),
           .clock = environment.clock,
           .deadline = absl::FromChrono(context->deadline())},
          this)) {
  StartRead(&request_);
  live_->Add(stream_);
}

void CompletionCall::OnReadDone(bool ok) {
  if (!ok) return stream_->HalfClose();
  absl::StatusOr<NumberedRequest> request = ParseNumberedRequest(request_);
  if (!request.ok()) return stream_->Fail(request.status());
  stream_->Next(request->name, std::move(request->request));
  // Also if the stream has ended meanwhile: then this read fails.
  StartRead(&request_);
}

void CompletionCall::Write(CompletionStream::Answer answer) {
  Record(answer);
  const absl::Status status =
      SerialiseMessage(ToMessage(std::move(answer)), &response_);
  if (!status.ok()) return stream_->WriteDone(false);
  StartWrite(&response_);
}

void CompletionCall::Finish(const absl::Status& status) {
  end_ = status;
  AddRetryTrailer(status, context_);
  ServerBidiReactor::Finish(ToGrpcStatus(status));
}

// A client that leaves looks like one that half-closes until gRPC is done with
// the call.
void CompletionCall::OnDone() {
  if (end_.ok() && context_->IsCancelled()) end_ = absl::CancelledError();
  environment_.metrics->RecordStream(kMethod, end_.code());
  live_->Remove(stream_);
  delete this;
}

void CompletionCall::Record(const CompletionStream::Answer& answer) const {
  environment_.metrics->Record(
      {.method = kMethod,
       .code = answer.response.status().code(),
       .total = environment_.clock->Now() - answer.asked_at,
       .queue = answer.report.queue,
       .compute = answer.report.compute,
       .computed = answer.report.batch > 0});
}

}  // namespace carousel
