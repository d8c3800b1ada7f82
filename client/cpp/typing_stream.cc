// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/typing_stream.h"

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "carousel/v1/autocomplete.grpc.pb.h"
#include "client/cpp/calls.h"
#include "client/cpp/calls_under_way.h"
#include "client/cpp/requests.h"
#include "model/base/mutex.h"

namespace carousel {

class TypingStream::Impl {
 public:
  Impl(Calls& calls, Answer answer)
      : calls_(calls),
        stub_(v1::AutocompleteService::NewStub(calls.channel())),
        answer_(std::move(answer)) {}

  ~Impl() {
    Cancel();
    Do([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      closing_ = true;
      if (alarm_ != nullptr) alarm_->Cancel();
    });
    WaitUntil([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return stream_ == nullptr && alarm_ == nullptr;
    });
  }

  int64_t Send(absl::StatusOr<v1::CompleteRequest> request,
               absl::Duration timeout) {
    // What cannot be sent is told at once, by the alarm: not from within here.
    const absl::Time deadline =
        absl::Now() + (request.ok() ? timeout : absl::ZeroDuration());
    int64_t number = 0;
    Do([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      number = ++last_number_;
      newest_ = {number, std::move(request), timeout, deadline};
      SetAlarm();
    });
    return number;
  }

  void Finish() {
    Do([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { ++finishing_; });
    WaitUntil([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return stream_ == nullptr && !newest_.has_value();
    });
    MutexLock lock(&mutex_);
    --finishing_;
  }

  void Cancel() {
    MutexLock lock(&mutex_);
    EndStream();
    taken_ = cancelled_ = last_number_;
  }

 private:
  // One call. Writes are begun outside of gRPC's reactions, hence the hold: it
  // keeps the call until Release.
  class Stream : public grpc::ClientBidiReactor<v1::CompleteStreamRequest,
                                                v1::CompleteStreamResponse> {
   public:
    explicit Stream(Impl* impl)
        : impl_(impl),
          context_(impl->calls_.under_way(), absl::InfiniteDuration()) {
      impl->stub_->async()->CompleteStream(&context_.grpc(), this);
    }

    v1::CompleteStreamRequest& request() { return request_; }

    void Write() {
      // Once written, the stream may end and be gone.
      const bool first = !std::exchange(started_, true);
      if (first) {
        StartRead(&response_);
        AddHold();
      }
      StartWrite(&request_);
      if (first) StartCall();
    }
    void HalfClose() { StartWritesDone(); }
    void Release() { RemoveHold(); }
    void TryCancel() { context_.grpc().TryCancel(); }

   private:
    void OnReadDone(bool ok) override {
      if (!ok) return impl_->OnReadEnd();
      impl_->OnAnswer(response_);
      StartRead(&response_);
    }
    void OnWriteDone(bool) override { impl_->OnWritten(); }
    void OnWritesDoneDone(bool) override { impl_->OnWritten(); }
    void OnDone(const grpc::Status& status) override {
      impl_->OnDone(status);  // destroys this object
    }

    Impl* const impl_;
    CallsUnderWay::Context context_;
    v1::CompleteStreamRequest request_;  // constant while `writing_`
    v1::CompleteStreamResponse response_;
    bool started_ = false;
  };

  struct Request {
    int64_t number;
    absl::StatusOr<v1::CompleteRequest> request;  // an error is not sent
    absl::Duration timeout;
    absl::Time deadline;
  };

  using Result = absl::StatusOr<v1::CompleteResponse>;

  // Until `condition` holds and the last answer is told.
  template <typename Condition>
  void WaitUntil(Condition condition) {
    {
      MutexLock lock(&mutex_);
      while (!condition()) changed_.Wait(&mutex_);
    }
    MutexLock telling(&telling_);
  }

  // Changes the state, then does what follows from it, without the lock.
  template <typename Change>
  void Do(Change change) {
    Stream* write = nullptr;
    Stream* half_close = nullptr;
    Stream* release = nullptr;
    {
      MutexLock lock(&mutex_);
      change();
      changed_.NotifyAll();
      if (writing_) return;
      if (read_ended_) {
        release = std::exchange(held_, nullptr);
      } else if (WantsWrite()) {
        write = Prepare();
      } else if (finishing_ > 0 && stream_ != nullptr && !half_closed_) {
        half_close = held_;
        half_closed_ = writing_ = true;
      }
    }
    if (write != nullptr) write->Write();
    if (half_close != nullptr) half_close->HalfClose();
    if (release != nullptr) release->Release();
  }

  bool WantsWrite() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return newest_.has_value() && newest_->request.ok() && !half_closed_ &&
           !ending_ && newest_->number > taken_;
  }

  // The stream to write the newest request to, which it is given.
  Stream* Prepare() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (stream_ == nullptr) {
      stream_ = std::make_unique<Stream>(this);
      held_ = stream_.get();
    }
    stream_->request().set_number(newest_->number);
    *stream_->request().mutable_request() = *newest_->request;
    taken_ = newest_->number;
    writing_ = true;
    return stream_.get();
  }

  void EndStream() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (stream_ == nullptr) return;
    ending_ = true;
    stream_->TryCancel();
  }

  // Rings when the newest request has waited too long; an earlier ring sets the
  // next, so that a keystroke costs none. An alarm is its own callback's to
  // destroy.
  void SetAlarm() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!newest_.has_value() || newest_->deadline == absl::InfiniteFuture()) {
      return;
    }
    if (alarm_ == nullptr) {
      alarm_ = std::make_unique<grpc::Alarm>();
      // gRPC takes a time before 1970 for one that never comes.
      alarm_at_ = std::max(newest_->deadline, absl::UnixEpoch());
      alarm_->Set(absl::ToChronoTime(alarm_at_), [this](bool) { OnAlarm(); });
    } else if (newest_->deadline < alarm_at_) {
      alarm_at_ = newest_->deadline;
      alarm_->Cancel();  // rings
    }
  }

  // Tells what `decide`, called with the lock, finds. One call at a time, and
  // none while the lock of the rest is held.
  template <typename Decide>
  void Tell(Decide decide) {
    MutexLock telling(&telling_);
    std::optional<std::pair<int64_t, Result>> told;
    {
      MutexLock lock(&mutex_);
      told = decide();
      if (told.has_value()) told_ = told->first;
      changed_.NotifyAll();
    }
    if (told.has_value()) answer_(told->first, std::move(told->second));
  }

  std::pair<int64_t, Result> TakeNewest(Result result)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const int64_t number = newest_->number;
    newest_.reset();
    return {number, std::move(result)};
  }

  void OnAnswer(v1::CompleteStreamResponse& response) {
    calls_.NoteAnswer();
    using Told = std::optional<std::pair<int64_t, Result>>;
    Tell([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) -> Told {
      const int64_t number = response.number();
      if (number <= told_ || number > taken_ || ending_) return std::nullopt;
      brought_ = true;
      if (newest_.has_value() && number < newest_->number) return std::nullopt;
      Result result = response.has_error()
                          ? Result(FromMessage(response.error()))
                          : Result(std::move(*response.mutable_response()));
      if (newest_.has_value() && newest_->number == number) newest_.reset();
      return Told({number, std::move(result)});
    });
  }

  void OnWritten() {
    Do([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { writing_ = false; });
  }

  void OnReadEnd() {
    Do([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { read_ended_ = true; });
  }

  // Whether the newest request goes on in another stream, now that the one that
  // there was is over.
  bool GoesOn(const grpc::Status& status) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (newest_->number > taken_) return true;  // never was in it
    // One that brought nothing would be followed by its like.
    return status.error_code() == grpc::StatusCode::UNAVAILABLE && brought_ &&
           !ending_;
  }

  void OnDone(const grpc::Status& status) {
    using Told = std::optional<std::pair<int64_t, Result>>;
    absl::Status end = calls_.ToAbslStatus(status, absl::InfiniteDuration());
    if (end.ok()) {
      end = absl::InternalError(
          "the server's stream ended before the last request was answered");
    }
    std::unique_ptr<Stream> over;  // destroyed without the lock
    Stream* next = nullptr;
    Tell([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) -> Told {
      const bool open = newest_.has_value() && newest_->request.ok();
      const bool goes_on = open && GoesOn(status);
      over = std::move(stream_);
      read_ended_ = half_closed_ = ending_ = brought_ = false;
      if (goes_on) next = Prepare();
      if (open && !goes_on) {
        return TakeNewest(newest_->number <= cancelled_ ? EndedByCaller()
                                                        : end);
      }
      return std::nullopt;
    });
    over.reset();
    if (next != nullptr) next->Write();
  }

  void OnAlarm() {
    using Told = std::optional<std::pair<int64_t, Result>>;
    Tell([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) -> Told {
      if (!newest_.has_value() || newest_->deadline > absl::Now()) {
        return std::nullopt;
      }
      if (!newest_->request.ok()) {
        return TakeNewest(newest_->request.status());
      }
      EndStream();
      return TakeNewest(calls_.ToAbslStatus(
          grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, ""),
          newest_->timeout));
    });
    std::unique_ptr<grpc::Alarm> over;
    Do([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      over = std::move(alarm_);
      if (!closing_) SetAlarm();
    });
  }

  Calls& calls_;
  const std::unique_ptr<v1::AutocompleteService::Stub> stub_;

  Mutex telling_ ABSL_ACQUIRED_BEFORE(mutex_);
  Answer answer_ ABSL_GUARDED_BY(telling_);

  Mutex mutex_;
  CondVar changed_;
  int64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t told_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<Request> newest_ ABSL_GUARDED_BY(mutex_);  // until it is told
  int64_t cancelled_ ABSL_GUARDED_BY(mutex_) = 0;          // up to this number
  int finishing_ ABSL_GUARDED_BY(mutex_) = 0;  // threads within Finish
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;

  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
  absl::Time alarm_at_ ABSL_GUARDED_BY(mutex_);

  // Of the stream that there is. Up to `taken_` requests are its own.
  std::unique_ptr<Stream> stream_ ABSL_GUARDED_BY(mutex_);
  Stream* held_ ABSL_GUARDED_BY(mutex_) = nullptr;  // stream_ until its release
  int64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;  // or half-closing
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool read_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool brought_ ABSL_GUARDED_BY(mutex_) = false;  // an answer
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;   // by us
};

TypingStream::TypingStream(Calls& calls, Answer answer)
    : impl_(std::make_unique<Impl>(calls, std::move(answer))) {}

TypingStream::~TypingStream() = default;

int64_t TypingStream::Send(absl::string_view text,
                           const CompleteOptions& options) {
  return impl_->Send(MakeCompleteRequest(text, options), options.timeout);
}

void TypingStream::Finish() { impl_->Finish(); }
void TypingStream::Cancel() { impl_->Cancel(); }

}  // namespace carousel
