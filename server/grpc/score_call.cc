// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/score_call.h"

#include <utility>

#include "absl/time/clock.h"
#include "grpcpp/server_context.h"
#include "server/grpc/messages.h"
#include "server/grpc/status_util.h"
#include "server/metrics/server_metrics.h"

namespace carousel {
namespace {

constexpr char kMethod[] = "SentimentService/ScoreStream";

v1::ScoreStreamResponse ToMessage(ScoreCall::Stream::Answer answer) {
  v1::ScoreStreamResponse message;
  message.set_id(std::move(answer.id));
  if (answer.response.ok()) {
    *message.mutable_response() = *std::move(answer.response);
  } else {
    *message.mutable_error() = ToStatusMessage(answer.response.status());
  }
  return message;
}

}  // namespace

ScoreCall::ScoreCall(const UnaryCall::Environment& environment,
                     Stream::RunFunction run, LiveStreams* live,
                     grpc::CallbackServerContext* context)
    : environment_(environment),
      live_(live),
      context_(context),
      stream_(std::make_shared<Stream>(
          Stream::Options{.run = std::move(run),
                          .clock = environment.clock,
                          .deadline = absl::FromChrono(context->deadline())},
          static_cast<Stream::Peer*>(this))) {
  stream_->Start();
  live_->Add(stream_);
}

void ScoreCall::OnReadDone(bool ok) {
  if (!ok) return stream_->HalfClose();
  absl::StatusOr<ScoreRequestWithId> request =
      ParseScoreRequestWithId(request_);
  if (!request.ok()) return stream_->Fail(request.status());
  stream_->Next(request->name, std::move(request->request), request_.Length());
}

void ScoreCall::Write(Stream::Answer answer) {
  Record(answer);
  const absl::Status status =
      SerialiseMessage(ToMessage(std::move(answer)), &response_);
  if (!status.ok()) return stream_->WriteDone(false);
  StartWrite(&response_);
}

// The call may be gone when the time is over, the stream is not.
void ScoreCall::Wait(absl::Duration time) {
  alarm_ = grpc::Alarm();  // its callback may be the caller
  alarm_.Set(absl::ToChronoTime(absl::Now() + time),
             [stream = stream_](bool) { stream->Wake(); });
}

void ScoreCall::Finish(const absl::Status& status) {
  end_ = status;
  AddRetryTrailer(status, context_);
  ServerBidiReactor::Finish(ToGrpcStatus(status));
}

// A client that leaves looks like one that half-closes until gRPC is done with
// the call.
void ScoreCall::OnDone() {
  if (end_.ok() && context_->IsCancelled()) end_ = absl::CancelledError();
  environment_.metrics->RecordStream(kMethod, end_.code());
  live_->Remove(stream_);
  delete this;
}

void ScoreCall::Record(const Stream::Answer& answer) const {
  environment_.metrics->Record(
      {.method = kMethod,
       .code = answer.response.status().code(),
       .total = environment_.clock->Now() - answer.asked_at,
       .queue = answer.report.queue,
       .compute = answer.report.compute,
       .computed = answer.report.batch > 0});
}

}  // namespace carousel
