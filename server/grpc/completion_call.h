// SPDX-License-Identifier: Apache-2.0
//
// One call of AutocompleteService.CompleteStream: bytes in, bytes out, figures.
// What is computed and answered is decided in core/completion_stream.h.

#ifndef CAROUSEL_SERVER_GRPC_COMPLETION_CALL_H_
#define CAROUSEL_SERVER_GRPC_COMPLETION_CALL_H_

#include <memory>

#include "absl/status/status.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/core/completion_stream.h"
#include "server/core/live_streams.h"
#include "server/grpc/unary_call.h"

namespace carousel {

// Deletes itself when gRPC is done with it. `live` knows of the stream until
// then; it must outlive the call, as `environment` must.
class CompletionCall final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      private CompletionStream::Peer {
 public:
  CompletionCall(const UnaryCall::Environment& environment,
                 CompletionStream::CompleteFunction complete, LiveStreams* live,
                 grpc::CallbackServerContext* context);

 private:
  // What gRPC tells.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override { stream_->WriteDone(ok); }
  void OnCancel() override { stream_->Cancel(); }
  void OnDone() override;

  // What the stream tells.
  void Write(CompletionStream::Answer answer) override;
  void Finish(const absl::Status& status) override;

  void Record(const CompletionStream::Answer& answer) const;

  const UnaryCall::Environment& environment_;
  LiveStreams* const live_;
  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<CompletionStream> stream_;

  // Of the one read, the one write and the one end that there are at a time.
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  absl::Status end_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_COMPLETION_CALL_H_
