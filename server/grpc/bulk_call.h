// SPDX-License-Identifier: Apache-2.0
//
// One call of a stream of any number of requests with ids, ScoreStream for
// instance: bytes in and out. What is read, computed and answered is decided in
// core/bulk_stream.h.

#ifndef CAROUSEL_SERVER_GRPC_BULK_CALL_H_
#define CAROUSEL_SERVER_GRPC_BULK_CALL_H_

#include <memory>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/core/bulk_stream.h"
#include "server/grpc/messages.h"
#include "server/grpc/stream_call.h"

namespace carousel {

// Lives as StreamCall does. `StreamRequest` has an id and a request,
// `StreamResponse` an id and a response or an error.
template <typename StreamRequest, typename StreamResponse>
class BulkCall final
    : public StreamCall<BulkStream<InnerRequest<StreamRequest>,
                                   InnerResponse<StreamResponse>>> {
 public:
  using Stream =
      BulkStream<InnerRequest<StreamRequest>, InnerResponse<StreamResponse>>;

  BulkCall(const UnaryCall::Environment& environment, const char* method,
           typename Stream::RunFunction run, LiveStreams* live,
           grpc::CallbackServerContext* context)
      : StreamCall<Stream>(environment, method, live, context) {
    this->Open(std::make_shared<Stream>(
        typename Stream::Options{.run = std::move(run),
                                 .clock = environment.clock,
                                 .deadline = this->deadline()},
        static_cast<typename Stream::Peer*>(this)));
    this->stream()->Start();
    live->Add(this->stream());
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return this->stream()->HalfClose();
    auto request = ParseRequestWithId<StreamRequest>(request_);
    if (!request.ok()) return this->stream()->Fail(request.status());
    this->stream()->Next(request->name, std::move(request->request),
                         request_.Length());
  }

  // What the stream tells.
  void Read() override { this->StartRead(&request_); }

  void Write(typename Stream::Answer answer) override {
    this->Record(answer);
    StreamResponse message;
    message.set_id(answer.id);
    SetResult(std::move(answer.response), &message);
    this->Send(message);
  }

  // The call may be gone when the time is over, the stream is not.
  void Wait(absl::Duration time) override {
    // The callback of the one before may be the caller. Not by assignment,
    // which in gRPC loses what it overwrites, and with it the stream.
    alarm_.emplace().Set(absl::ToChronoTime(absl::Now() + time),
                         [stream = this->stream()](bool) { stream->Wake(); });
  }

  // Of the one read and the one wait that there are at a time.
  grpc::ByteBuffer request_;
  std::optional<grpc::Alarm> alarm_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_BULK_CALL_H_
