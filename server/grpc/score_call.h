// SPDX-License-Identifier: Apache-2.0
//
// One call of SentimentService.ScoreStream: bytes in, bytes out, figures. What
// is read, computed and answered is decided in core/bulk_stream.h.

#ifndef CAROUSEL_SERVER_GRPC_SCORE_CALL_H_
#define CAROUSEL_SERVER_GRPC_SCORE_CALL_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "carousel/v1/sentiment.pb.h"
#include "grpcpp/alarm.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/core/bulk_stream.h"
#include "server/core/live_streams.h"
#include "server/grpc/unary_call.h"

namespace carousel {

// Deletes itself when gRPC is done with it. `live` knows of the stream until
// then; it must outlive the call, as `environment` must.
class ScoreCall final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      private BulkStream<v1::ScoreRequest, v1::ScoreResponse>::Peer {
 public:
  using Stream = BulkStream<v1::ScoreRequest, v1::ScoreResponse>;

  ScoreCall(const UnaryCall::Environment& environment, Stream::RunFunction run,
            LiveStreams* live, grpc::CallbackServerContext* context);

 private:
  // What gRPC tells.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override { stream_->WriteDone(ok); }
  void OnCancel() override { stream_->Cancel(); }
  void OnDone() override;

  // What the stream tells.
  void Read() override { StartRead(&request_); }
  void Write(Stream::Answer answer) override;
  void Wait(absl::Duration time) override;
  void Finish(const absl::Status& status) override;

  void Record(const Stream::Answer& answer) const;

  const UnaryCall::Environment& environment_;
  LiveStreams* const live_;
  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<Stream> stream_;

  // Of the one read, write, wait and end that there are at a time.
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  grpc::Alarm alarm_;
  absl::Status end_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_SCORE_CALL_H_
