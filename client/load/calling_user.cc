// SPDX-License-Identifier: Apache-2.0

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "client/load/load_texts.h"
#include "client/load/load_user.h"

namespace carousel {
namespace {

class CallingUser : public LoadUser {
 public:
  CallingUser(const LoadUserContext& context, uint64_t number)
      : context_(context),
        texts_(context.options.words, number, context.seed),
        request_(MakeLoadRequest(context.options)) {}

  bool Ask(absl::Time start, bool again) override {
    {
      absl::MutexLock lock(&mutex_);
      if (std::exchange(busy_, true)) return false;
    }
    Call(start, again);
    return true;
  }

  void Wait() override {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](bool* busy) { return !*busy; }, &busy_));
  }

 private:
  void Call(absl::Time start, bool again) {
    request_.set_text(texts_.Next());
    call_ = std::make_unique<grpc::ClientContext>();
    call_->set_deadline(
        absl::ToChronoTime(absl::Now() + context_.options.timeout));
    context_.stub->async()->Complete(
        call_.get(), &request_, &response_,
        [this, start, again](const grpc::Status& status) {
          OnAnswer(start, again, status);
        });
  }

  void OnAnswer(absl::Time start, bool again, const grpc::Status& status) {
    if (status.ok()) {
      context_.tally->AddAnswer(start);
    } else {
      context_.tally->AddError(start, CodeName(status.error_code()));
    }
    if (again && !context_.tally->IsOver(absl::Now())) {
      return Call(absl::Now(), true);
    }
    absl::MutexLock lock(&mutex_);
    busy_ = false;
  }

  const LoadUserContext context_;
  RandomTexts texts_;

  // Of the call under way.
  v1::CompleteRequest request_;
  v1::CompleteResponse response_;
  std::unique_ptr<grpc::ClientContext> call_;

  absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<LoadUser> MakeCallingUser(const LoadUserContext& context,
                                          uint64_t number) {
  return std::make_unique<CallingUser>(context, number);
}

}  // namespace carousel
