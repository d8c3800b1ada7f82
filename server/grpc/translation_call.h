// SPDX-License-Identifier: Apache-2.0
//
// One call of TranslationService.TranslateStream: bytes in and out. What is
// told when is decided in core/translation_stream.h.

#ifndef CAROUSEL_SERVER_GRPC_TRANSLATION_CALL_H_
#define CAROUSEL_SERVER_GRPC_TRANSLATION_CALL_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/core/live_streams.h"
#include "server/core/translation_stream.h"
#include "server/grpc/unary_call.h"

namespace carousel {

// Deletes itself when gRPC is done with it. `live` knows of the stream until
// then; it must outlive the call, as `environment` must.
class TranslationCall final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                              private TranslationStream::Peer {
 public:
  TranslationCall(const UnaryCall::Environment& environment,
                  const TranslationStream::TranslateFunction& translate,
                  const grpc::ByteBuffer& request, LiveStreams* live,
                  grpc::CallbackServerContext* context);

 private:
  // What gRPC tells.
  void OnWriteDone(bool ok) override { stream_->WriteDone(ok); }
  void OnCancel() override { stream_->Cancel(); }
  void OnDone() override;

  // What the stream tells.
  void Write(const v1::TranslateStreamResponse& message) override;
  void Finish(const absl::Status& status, const CallReport& report) override;

  const UnaryCall::Environment& environment_;
  const absl::Time start_;
  LiveStreams* const live_;
  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<TranslationStream> stream_;

  // Of the one write that there is at a time, and of the end.
  grpc::ByteBuffer response_;
  absl::Status end_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_TRANSLATION_CALL_H_
