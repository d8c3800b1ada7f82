// SPDX-License-Identifier: Apache-2.0

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "client/load/load_texts.h"
#include "client/load/load_user.h"
#include "model/base/mutex.h"

namespace carousel {
namespace {

template <typename Request, typename Response>
class CallingUser : public LoadUser {
 public:
  // An rpc of a stub.
  using Rpc = std::function<void(grpc::ClientContext*, const Request*,
                                 Response*, std::function<void(grpc::Status)>)>;

  CallingUser(const LoadUserContext& context, std::unique_ptr<LoadTexts> texts,
              Rpc rpc)
      : context_(context),
        texts_(std::move(texts)),
        rpc_(std::move(rpc)),
        request_(MakeLoadRequest<Request>(context.options)) {}

  bool Ask(absl::Time start, bool again) override {
    {
      MutexLock lock(&mutex_);
      if (std::exchange(busy_, true)) return false;
    }
    Call(start, again);
    return true;
  }

  void Wait() override {
    MutexLock lock(&mutex_);
    while (busy_) answered_.Wait(&mutex_);
  }

 private:
  void Call(absl::Time start, bool again) {
    request_.set_text(texts_->Next());
    call_ = std::make_unique<grpc::ClientContext>();
    call_->set_deadline(
        absl::ToChronoTime(absl::Now() + context_.options.timeout));
    rpc_(call_.get(), &request_, &response_,
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
    MutexLock lock(&mutex_);
    busy_ = false;
    answered_.NotifyAll();
  }

  const LoadUserContext context_;
  const std::unique_ptr<LoadTexts> texts_;
  const Rpc rpc_;

  // Of the call under way.
  Request request_;
  Response response_;
  std::unique_ptr<grpc::ClientContext> call_;

  Mutex mutex_;
  CondVar answered_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
};

std::unique_ptr<LoadTexts> MakeRandomTexts(const LoadUserContext& context,
                                           uint64_t number) {
  return std::make_unique<RandomTexts>(context.options.words, number,
                                       context.seed);
}

// The lines that there are, else random texts.
std::unique_ptr<LoadTexts> MakeTexts(const LoadUserContext& context,
                                     uint64_t number) {
  const std::vector<std::string>& lines = context.options.lines;
  if (lines.empty()) return MakeRandomTexts(context, number);
  return std::make_unique<WholeLines>(lines, number);
}

}  // namespace

std::unique_ptr<LoadUser> MakeCallingUser(const LoadUserContext& context,
                                          uint64_t number) {
  return std::make_unique<
      CallingUser<v1::CompleteRequest, v1::CompleteResponse>>(
      context, MakeRandomTexts(context, number),
      [stub = context.autocomplete](auto* call, auto* request, auto* response,
                                    auto done) {
        stub->async()->Complete(call, request, response, std::move(done));
      });
}

std::unique_ptr<LoadUser> MakeScoringUser(const LoadUserContext& context,
                                          uint64_t number) {
  return std::make_unique<CallingUser<v1::ScoreRequest, v1::ScoreResponse>>(
      context, MakeTexts(context, number),
      [stub = context.sentiment](auto* call, auto* request, auto* response,
                                 auto done) {
        stub->async()->Score(call, request, response, std::move(done));
      });
}

std::unique_ptr<LoadUser> MakeTranslatingUser(const LoadUserContext& context,
                                              uint64_t number) {
  using User = CallingUser<v1::TranslateRequest, v1::TranslateResponse>;
  return std::make_unique<User>(
      context, MakeTexts(context, number),
      [stub = context.translation](auto* call, auto* request, auto* response,
                                   auto done) {
        stub->async()->Translate(call, request, response, std::move(done));
      });
}

}  // namespace carousel
