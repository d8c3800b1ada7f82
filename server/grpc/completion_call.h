// SPDX-License-Identifier: Apache-2.0
//
// One call of AutocompleteService.CompleteStream: bytes in and out. What is
// computed and answered is decided in core/completion_stream.h.

#ifndef CAROUSEL_SERVER_GRPC_COMPLETION_CALL_H_
#define CAROUSEL_SERVER_GRPC_COMPLETION_CALL_H_

#include "grpcpp/support/byte_buffer.h"
#include "server/core/completion_stream.h"
#include "server/grpc/stream_call.h"

namespace carousel {

// Lives as StreamCall does.
class CompletionCall final : public StreamCall<CompletionStream> {
 public:
  CompletionCall(const UnaryCall::Environment& environment,
                 CompletionStream::CompleteFunction complete, LiveStreams* live,
                 grpc::CallbackServerContext* context);

 private:
  void OnReadDone(bool ok) override;
  void Write(CompletionStream::Answer answer) override;

  grpc::ByteBuffer request_;  // of the one read that there is at a time
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_COMPLETION_CALL_H_
