// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/score_call.h"

#include <memory>
#include <utility>

#include "absl/time/clock.h"

namespace carousel {

ScoreCall::ScoreCall(const UnaryCall::Environment& environment,
                     ScoreStream::RunFunction run, LiveStreams* live,
                     grpc::CallbackServerContext* context)
    : StreamCall(environment, "SentimentService/ScoreStream", live, context) {
  Open(std::make_shared<ScoreStream>(
      ScoreStream::Options{.run = std::move(run),
                           .clock = environment.clock,
                           .deadline = deadline()},
      static_cast<ScoreStream::Peer*>(this)));
  stream()->Start();
  live->Add(stream());
}

void ScoreCall::OnReadDone(bool ok) {
  if (!ok) return stream()->HalfClose();
  absl::StatusOr<ScoreRequestWithId> request =
      ParseScoreRequestWithId(request_);
  if (!request.ok()) return stream()->Fail(request.status());
  stream()->Next(request->name, std::move(request->request), request_.Length());
}

void ScoreCall::Write(ScoreStream::Answer answer) {
  Record(answer);
  v1::ScoreStreamResponse message;
  message.set_id(answer.id);
  SetResult(std::move(answer.response), &message);
  Send(message);
}

// The call may be gone when the time is over, the stream is not.
void ScoreCall::Wait(absl::Duration time) {
  // The callback of the one before may be the caller. Not by assignment, which
  // in gRPC loses what it overwrites, and with it the stream.
  alarm_.emplace().Set(absl::ToChronoTime(absl::Now() + time),
                       [stream = stream()](bool) { stream->Wake(); });
}

}  // namespace carousel
