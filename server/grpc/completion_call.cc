// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/completion_call.h"

#include <utility>

#include "absl/status/statusor.h"
#include "carousel/v1/autocomplete.pb.h"

namespace carousel {

CompletionCall::CompletionCall(const UnaryCall::Environment& environment,
                               CompletionStream::CompleteFunction complete,
                               LiveStreams* live,
                               grpc::CallbackServerContext* context)
    : StreamCall(environment, "AutocompleteService/CompleteStream", live,
                 context) {
  Open(CompletionStream::Create({.complete = std::move(complete),
                                 .clock = environment.clock,
                                 .deadline = deadline()},
                                this));
  StartRead(&request_);
  live->Add(stream());
}

void CompletionCall::OnReadDone(bool ok) {
  if (!ok) return stream()->HalfClose();
  absl::StatusOr<NumberedRequest> request = ParseNumberedRequest(request_);
  if (!request.ok()) return stream()->Fail(request.status());
  stream()->Next(request->name, std::move(request->request));
  // Also if the stream has ended meanwhile: then this read fails.
  StartRead(&request_);
}

void CompletionCall::Write(CompletionStream::Answer answer) {
  Record(answer);
  v1::CompleteStreamResponse message;
  message.set_number(answer.number);
  SetResult(std::move(answer.response), &message);
  Send(message);
}

}  // namespace carousel
