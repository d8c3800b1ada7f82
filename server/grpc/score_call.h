// SPDX-License-Identifier: Apache-2.0
//
// One call of SentimentService.ScoreStream: bytes in and out. What is read,
// computed and answered is decided in core/bulk_stream.h.

#ifndef CAROUSEL_SERVER_GRPC_SCORE_CALL_H_
#define CAROUSEL_SERVER_GRPC_SCORE_CALL_H_

#include <optional>

#include "absl/time/time.h"
#include "carousel/v1/sentiment.pb.h"
#include "grpcpp/alarm.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/core/bulk_stream.h"
#include "server/grpc/stream_call.h"

namespace carousel {

using ScoreStream = BulkStream<v1::ScoreRequest, v1::ScoreResponse>;

// Lives as StreamCall does.
class ScoreCall final : public StreamCall<ScoreStream> {
 public:
  ScoreCall(const UnaryCall::Environment& environment,
            ScoreStream::RunFunction run, LiveStreams* live,
            grpc::CallbackServerContext* context);

 private:
  void OnReadDone(bool ok) override;

  // What the stream tells.
  void Read() override { StartRead(&request_); }
  void Write(ScoreStream::Answer answer) override;
  void Wait(absl::Duration time) override;

  // Of the one read and the one wait that there are at a time.
  grpc::ByteBuffer request_;
  std::optional<grpc::Alarm> alarm_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_SCORE_CALL_H_
