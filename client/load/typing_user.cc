// SPDX-License-Identifier: Apache-2.0

#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "client/load/load_texts.h"
#include "client/load/load_user.h"
#include "model/base/mutex.h"

namespace carousel {
namespace {

class TypingUser : public LoadUser {
 public:
  TypingUser(const LoadUserContext& context, uint64_t number)
      : context_(context),
        texts_(context.options.lines.empty()
                   ? SampleLines()
                   : absl::MakeConstSpan(context.options.lines),
               number) {
    *request_.mutable_request() =
        MakeLoadRequest<v1::CompleteRequest>(context.options);
  }

  bool Ask(absl::Time start, bool again) override {
    Stream* stream = nullptr;
    {
      MutexLock lock(&mutex_);
      if (writing_ || read_ended_) return false;
      again_ = again;
      stream = Prepare(start);
    }
    stream->Write(request_);
    return true;
  }

  void Wait() override {
    Do([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { closing_ = true; });
    MutexLock lock(&mutex_);
    while (open_) closed_.Wait(&mutex_);
  }

 private:
  // One call. Writes are begun outside of gRPC's reactions, hence the hold: it
  // keeps the call until Release.
  class Stream : public grpc::ClientBidiReactor<v1::CompleteStreamRequest,
                                                v1::CompleteStreamResponse> {
   public:
    explicit Stream(TypingUser* user) : user_(user) {
      context_.set_deadline(absl::ToChronoTime(user->context_.tally->end() +
                                               user->context_.options.timeout));
      user->context_.autocomplete->async()->CompleteStream(&context_, this);
    }

    void Write(const v1::CompleteStreamRequest& request) {
      // Once written, the stream may end and be gone.
      const bool first = !std::exchange(started_, true);
      if (first) {
        StartRead(&response_);
        AddHold();
      }
      StartWrite(&request);
      if (first) StartCall();
    }
    void HalfClose() { StartWritesDone(); }
    void Release() { RemoveHold(); }

   private:
    void OnReadDone(bool ok) override {
      if (!ok) return user_->OnReadEnd();
      user_->OnAnswer(response_);
      StartRead(&response_);
    }
    void OnWriteDone(bool) override { user_->OnWritten(); }
    void OnWritesDoneDone(bool) override { user_->OnWritten(); }
    void OnDone(const grpc::Status& status) override {
      user_->OnDone(status);  // destroys this object
    }

    TypingUser* const user_;
    grpc::ClientContext context_;
    v1::CompleteStreamResponse response_;
    bool started_ = false;
  };

  struct Keystroke {
    int64_t number;
    absl::Time start;
  };

  // Changes the state, then does what follows from it, without the lock.
  template <typename Change>
  void Do(Change change) {
    Stream* write = nullptr;
    Stream* half_close = nullptr;
    Stream* release = nullptr;
    {
      MutexLock lock(&mutex_);
      change();
      if (writing_) return;
      if (read_ended_) {
        release = std::exchange(held_, nullptr);
      } else if (WantsNext()) {
        write = Prepare(absl::Now());
      } else if (closing_ && held_ != nullptr && !half_closed_) {
        half_close = held_;
        half_closed_ = writing_ = true;
      }
    }
    if (write != nullptr) write->Write(request_);
    if (half_close != nullptr) half_close->HalfClose();
    if (release != nullptr) release->Release();
  }

  // In a closed loop, when the last is answered.
  bool WantsNext() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return again_ && unanswered_.empty() && !closing_ &&
           !context_.tally->IsOver(absl::Now());
  }

  // The next request, and the stream to write it to. REQUIRES: nothing is
  // being written, and the stream there is has not ended.
  Stream* Prepare(absl::Time start) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (stream_ == nullptr) {
      stream_ = std::make_unique<Stream>(this);
      held_ = stream_.get();
      open_ = true;
    }
    request_.set_number(++number_);
    request_.mutable_request()->set_text(texts_.Next());
    unanswered_.push_back({number_, start});
    writing_ = true;
    return stream_.get();
  }

  void OnAnswer(const v1::CompleteStreamResponse& response) {
    Do([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      while (!unanswered_.empty() &&
             unanswered_.front().number <= response.number()) {
        const Keystroke keystroke = unanswered_.front();
        unanswered_.pop_front();
        if (keystroke.number < response.number()) {
          context_.tally->AddError(keystroke.start, "SUPERSEDED");
        } else if (response.has_error()) {
          context_.tally->AddError(keystroke.start,
                                   CodeName(response.error().code()));
        } else {
          context_.tally->AddAnswer(keystroke.start);
        }
      }
    });
  }

  void OnWritten() {
    Do([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { writing_ = false; });
  }

  void OnReadEnd() {
    Do([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { read_ended_ = true; });
  }

  // The stream is over; a closed loop goes on with another.
  void OnDone(const grpc::Status& status) {
    std::unique_ptr<Stream> over;
    {
      MutexLock lock(&mutex_);
      over = std::move(stream_);
      for (const Keystroke& keystroke : unanswered_) {
        context_.tally->AddError(keystroke.start,
                                 CodeName(status.error_code()));
      }
      unanswered_.clear();
    }
    // Before Wait returns: the stream holds on to the channel, which must not
    // be destroyed last by one of its own threads.
    over.reset();
    Stream* next = nullptr;
    {
      MutexLock lock(&mutex_);
      open_ = read_ended_ = half_closed_ = false;
      if (WantsNext()) next = Prepare(absl::Now());
      if (next == nullptr) closed_.NotifyAll();
    }
    if (next != nullptr) next->Write(request_);
  }

  const LoadUserContext context_;

  Mutex mutex_;
  CondVar closed_;
  TypedLines texts_ ABSL_GUARDED_BY(mutex_);
  int64_t number_ ABSL_GUARDED_BY(mutex_) = 0;  // of the last keystroke
  std::deque<Keystroke> unanswered_ ABSL_GUARDED_BY(mutex_);
  bool again_ ABSL_GUARDED_BY(mutex_) = false;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;

  std::unique_ptr<Stream> stream_ ABSL_GUARDED_BY(mutex_);
  bool open_ ABSL_GUARDED_BY(mutex_) = false;       // until it is destroyed
  Stream* held_ ABSL_GUARDED_BY(mutex_) = nullptr;  // stream_ until its release
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;    // or half-closing
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool read_ended_ ABSL_GUARDED_BY(mutex_) = false;

  // Constant while `writing_`.
  v1::CompleteStreamRequest request_;
};

}  // namespace

std::unique_ptr<LoadUser> MakeTypingUser(const LoadUserContext& context,
                                         uint64_t number) {
  return std::make_unique<TypingUser>(context, number);
}

}  // namespace carousel
