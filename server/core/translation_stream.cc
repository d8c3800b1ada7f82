// SPDX-License-Identifier: Apache-2.0

#include "server/core/translation_stream.h"

namespace carousel {

void TranslationStream::Start(const v1::TranslateRequest& request,
                              absl::Time deadline,
                              const TranslateFunction& translate) {
  auto self = shared_from_this();
  translate(
      request, {deadline, cancelled_},
      [self](absl::string_view more) { self->Told(more); },
      [self](absl::StatusOr<v1::TranslateResponse> response,
             const CallReport& report) {
        self->Done(std::move(response), report);
      });
}

void TranslationStream::WriteDone(bool ok) {
  if (!ok) Cancel();
  Action action;
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    action = Decide();
  }
  CarryOut(std::move(action));
}

void TranslationStream::Told(absl::string_view more) {
  Action action;
  {
    MutexLock lock(&mutex_);
    text_.append(more.data(), more.size());
    action = Decide();
  }
  CarryOut(std::move(action));
}

void TranslationStream::Done(absl::StatusOr<v1::TranslateResponse> response,
                             const CallReport& report) {
  Action action;
  {
    MutexLock lock(&mutex_);
    report_ = report;
    end_ = response.status();
    if (response.ok()) response_ = *std::move(response);
    action = Decide();
  }
  CarryOut(std::move(action));
}

// An error does not wait for text to be told.
TranslationStream::Action TranslationStream::Decide() {
  Action action;
  if (writing_ || finished_) return action;
  // Whoever has left is told nothing more, whatever came of the job.
  if (end_.has_value() && end_->ok() && cancelled_->load()) {
    end_ = absl::CancelledError("the client left");
  }
  const bool failed = end_.has_value() && !end_->ok();
  if (!failed && !text_.empty()) {
    action.write.emplace().set_text(std::move(text_));
    text_.clear();
  } else if (!failed && response_.has_value()) {
    *action.write.emplace().mutable_response() = *std::move(response_);
    response_.reset();
  } else if (end_.has_value()) {
    finished_ = true;
    action.finish = *end_;
  }
  writing_ = action.write.has_value();
  return action;
}

void TranslationStream::CarryOut(Action action) {
  if (action.write.has_value()) return peer_->Write(*action.write);
  if (!action.finish.has_value()) return;
  CallReport report;
  {
    MutexLock lock(&mutex_);
    report = report_;
  }
  peer_->Finish(*action.finish, report);
}

}  // namespace carousel
