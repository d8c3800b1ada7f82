// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/translation_call.h"

#include "server/core/errors.h"
#include "server/grpc/messages.h"
#include "server/grpc/status_util.h"

namespace carousel {
namespace {

constexpr char kMethod[] = "TranslationService/TranslateStream";

absl::StatusOr<v1::TranslateRequest> Parse(const grpc::ByteBuffer& bytes) {
  v1::TranslateStreamRequest request;
  const absl::Status status = ParseMessage(bytes, &request);
  if (!status.ok()) return status;
  if (!request.has_request()) {
    return InvalidField("request", "expected one, found none");
  }
  return std::move(*request.mutable_request());
}

}  // namespace

TranslationCall::TranslationCall(
    const UnaryCall::Environment& environment,
    const TranslationStream::TranslateFunction& translate,
    const grpc::ByteBuffer& request, LiveStreams* live,
    grpc::CallbackServerContext* context)
    : environment_(environment),
      start_(environment.clock->Now()),
      live_(live),
      context_(context),
      stream_(std::make_shared<TranslationStream>(
          static_cast<TranslationStream::Peer*>(this))) {
  live_->Add(stream_);
  const absl::StatusOr<v1::TranslateRequest> parsed = Parse(request);
  if (parsed.ok()) {
    stream_->Start(*parsed, absl::FromChrono(context->deadline()), translate);
  } else {
    Finish(parsed.status(), {});
  }
}

void TranslationCall::OnDone() {
  environment_.metrics->RecordStream(kMethod, end_.code());
  live_->Remove(stream_);
  delete this;
}

void TranslationCall::Write(const v1::TranslateStreamResponse& message) {
  if (!SerialiseMessage(message, &response_).ok()) {
    return stream_->WriteDone(false);
  }
  StartWrite(&response_);
}

void TranslationCall::Finish(const absl::Status& status,
                             const CallReport& report) {
  end_ = status;
  AddReportTrailers(report, context_);
  AddRetryTrailer(status, context_);
  environment_.metrics->Record({.method = kMethod,
                                .code = status.code(),
                                .total = environment_.clock->Now() - start_,
                                .queue = report.queue,
                                .compute = report.compute,
                                .computed = report.batch > 0});
  ServerWriteReactor::Finish(ToGrpcStatus(status));
}

}  // namespace carousel
