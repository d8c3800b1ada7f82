// SPDX-License-Identifier: Apache-2.0
//
// One call of a stream of requests and answers: bytes out, figures, the end.
// What is read, computed and answered is decided by a stream of server/core
// (CompletionStream, BulkStream), whose peer this is.

#ifndef CAROUSEL_SERVER_GRPC_STREAM_CALL_H_
#define CAROUSEL_SERVER_GRPC_STREAM_CALL_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/core/errors.h"
#include "server/core/live_streams.h"
#include "server/grpc/messages.h"
#include "server/grpc/status_util.h"
#include "server/grpc/unary_call.h"
#include "server/metrics/server_metrics.h"

namespace carousel {

// Deletes itself when gRPC is done with it. `live` knows of the stream until
// then; it must outlive the call, as `environment` and `method` must. A derived
// call gives it a stream with Open, once, when it is constructed.
template <typename Stream>
class StreamCall
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      protected Stream::Peer {
 protected:
  using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

  StreamCall(const UnaryCall::Environment& environment, const char* method,
             LiveStreams* live, grpc::CallbackServerContext* context)
      : environment_(environment),
        method_(method),
        live_(live),
        context_(context) {}

  absl::Time deadline() const { return absl::FromChrono(context_->deadline()); }

  void Open(std::shared_ptr<Stream> stream) { stream_ = std::move(stream); }
  const std::shared_ptr<Stream>& stream() const { return stream_; }

  // Records the answer, and sends the message that it became.
  void Record(const typename Stream::Answer& answer) const {
    environment_.metrics->Record(
        {.method = method_,
         .code = answer.response.status().code(),
         .total = environment_.clock->Now() - answer.asked_at,
         .queue = answer.report.queue,
         .compute = answer.report.compute,
         .computed = answer.report.batch > 0});
  }
  void Send(const google::protobuf::Message& message) {
    if (!SerialiseMessage(message, &response_).ok()) {
      return stream_->WriteDone(false);
    }
    Reactor::StartWrite(&response_);
  }

  // What gRPC tells.
  void OnWriteDone(bool ok) override { stream_->WriteDone(ok); }
  void OnCancel() override { stream_->Cancel(); }

  // A client that leaves looks like one that half-closes until gRPC is done
  // with the call.
  void OnDone() override {
    if (end_.ok() && context_->IsCancelled()) end_ = absl::CancelledError();
    environment_.metrics->RecordStream(method_, end_.code());
    live_->Remove(stream_);
    delete this;
  }

  // What the stream tells.
  void Finish(const absl::Status& status) override {
    end_ = status;
    AddRetryTrailer(status, context_);
    Reactor::Finish(ToGrpcStatus(status));
  }

 private:
  const UnaryCall::Environment& environment_;
  const char* const method_;
  LiveStreams* const live_;
  grpc::CallbackServerContext* const context_;
  std::shared_ptr<Stream> stream_;

  // Of the one write and the one end that there are at a time.
  grpc::ByteBuffer response_;
  absl::Status end_;
};

// What came of a request of a stream, as its `response` or its `error`.
template <typename Response, typename Message>
void SetResult(absl::StatusOr<Response> result, Message* message) {
  if (result.ok()) {
    *message->mutable_response() = *std::move(result);
  } else {
    *message->mutable_error() = ToStatusMessage(result.status());
  }
}

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_STREAM_CALL_H_
