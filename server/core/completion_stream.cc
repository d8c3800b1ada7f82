// SPDX-License-Identifier: Apache-2.0

#include "server/core/completion_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/core/errors.h"

namespace carousel {
namespace {

// Such an error holds for every request of the stream, not for one of them.
bool ConcernsTheStream(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

std::shared_ptr<CompletionStream> CompletionStream::Create(Options options,
                                                           Peer* peer) {
  return std::shared_ptr<CompletionStream>(
      new CompletionStream(std::move(options), peer));
}

void CompletionStream::Next(int64_t number,
                            absl::StatusOr<v1::CompleteRequest> request) {
  Action action;
  {
    MutexLock lock(&mutex_);
    Add({.number = number,
         .request = std::move(request),
         .asked_at = options_.clock->Now()});
    action = Decide();
  }
  CarryOut(std::move(action));
}

void CompletionStream::HalfClose() {
  Action action;
  {
    MutexLock lock(&mutex_);
    half_closed_ = true;
    action = Decide();
  }
  CarryOut(std::move(action));
}

void CompletionStream::WriteDone(bool ok) {
  Action action;
  {
    MutexLock lock(&mutex_);
    phase_ = Phase::kIdle;
    if (!ok) End(absl::CancelledError("the answer could not be sent"));
    action = Decide();
  }
  CarryOut(std::move(action));
}

void CompletionStream::Drain() {
  Action action;
  {
    MutexLock lock(&mutex_);
    draining_ = true;
    action = Decide();
  }
  CarryOut(std::move(action));
}

void CompletionStream::Cancel() {
  Fail(options_.clock->Now() < options_.deadline
           ? absl::CancelledError("the client left")
           : absl::DeadlineExceededError("the stream's deadline passed"));
}

void CompletionStream::Fail(absl::Status status) {
  Action action;
  {
    MutexLock lock(&mutex_);
    End(std::move(status));
    action = Decide();
  }
  CarryOut(std::move(action));
}

void CompletionStream::Add(Request request) {
  if (end_.has_value() || draining_) return;
  if (last_number_.has_value() && request.number <= *last_number_) {
    return End(InvalidField(
        "number",
        absl::StrCat("expected more than ", *last_number_,
                     ", that of the request before, found ", request.number)));
  }
  last_number_ = request.number;
  waiting_ = std::move(request);
  CancelJob();
}

void CompletionStream::End(absl::Status status) {
  if (end_.has_value()) return;
  end_ = std::move(status);
  waiting_.reset();
  CancelJob();
}

void CompletionStream::CancelJob() {
  if (job_cancelled_ != nullptr) job_cancelled_->store(true);
}

CompletionStream::Action CompletionStream::Decide() {
  if (phase_ == Phase::kFinished || phase_ == Phase::kWriting) return {};
  if (end_.has_value()) {
    phase_ = Phase::kFinished;
    return {.finish = *end_};
  }
  if (phase_ == Phase::kComputing) return {};
  if (waiting_.has_value()) {
    phase_ = Phase::kComputing;
    job_cancelled_ = std::make_shared<std::atomic<bool>>(false);
    waiting_->cancelled = job_cancelled_;
    Action action = {.compute = std::move(waiting_)};
    waiting_.reset();
    return action;
  }
  if (draining_) {
    End(absl::UnavailableError(
        "the server is draining; open another stream elsewhere"));
  } else if (half_closed_) {
    End(absl::OkStatus());
  } else {
    return {};
  }
  return Decide();
}

// REQUIRES: what `answer` answers was being computed.
CompletionStream::Action CompletionStream::DecideOnAnswer(Answer answer) {
  phase_ = Phase::kIdle;
  if (waiting_.has_value()) return Decide();  // superseded
  if (ConcernsTheStream(answer.response.status())) {
    End(answer.response.status());
    return Decide();
  }
  phase_ = Phase::kWriting;
  return {.write = std::move(answer)};
}

void CompletionStream::CarryOut(Action action) {
  if (action.compute.has_value()) return Compute(*std::move(action.compute));
  if (action.write.has_value()) return peer_->Write(*std::move(action.write));
  if (action.finish.has_value()) return peer_->Finish(*action.finish);
}

void CompletionStream::Compute(Request request) {
  Answer answer = {.number = request.number, .asked_at = request.asked_at};
  if (!request.request.ok()) {
    answer.response = request.request.status();
    return Computed(std::move(answer));
  }
  options_.complete(*request.request,
                    {options_.deadline, std::move(request.cancelled)},
                    [self = shared_from_this(), answer = std::move(answer)](
                        absl::StatusOr<v1::CompleteResponse> response,
                        const CallReport& report) mutable {
                      answer.response = std::move(response);
                      answer.report = report;
                      self->Computed(std::move(answer));
                    });
}

void CompletionStream::Computed(Answer answer) {
  Action action;
  {
    MutexLock lock(&mutex_);
    if (phase_ != Phase::kComputing) return;  // the stream has ended meanwhile
    action = DecideOnAnswer(std::move(answer));
  }
  CarryOut(std::move(action));
}

}  // namespace carousel
