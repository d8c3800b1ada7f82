// SPDX-License-Identifier: Apache-2.0
//
// TranslationService.TranslateStream without a transport: what is told of a
// translation while it is written.

#ifndef CAROUSEL_SERVER_CORE_TRANSLATION_STREAM_H_
#define CAROUSEL_SERVER_CORE_TRANSLATION_STREAM_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "carousel/v1/translation.pb.h"
#include "model/base/mutex.h"
#include "server/core/call.h"
#include "server/core/live_streams.h"

namespace carousel {

// One stream. While a message is on its way, what comes meanwhile is joined to
// one: a client that reads slowly gets fewer and longer ones, and what waits is
// never more than the translation.
//
// The end: OK after the whole; what the engine says otherwise, and CANCELLED
// after Cancel.
//
// Thread-safe; no function blocks. The job shares the ownership: a stream lives
// until that is done.
class TranslationStream final
    : public LiveStream,
      public std::enable_shared_from_this<TranslationStream> {
 public:
  // The transport's side. Called without a lock, from any thread, one call at a
  // time; must not block.
  class Peer {
   public:
    virtual ~Peer() = default;

    // Sends the message and then calls WriteDone; not before.
    virtual void Write(const v1::TranslateStreamResponse& message) = 0;

    // The last call: the stream does not touch its peer any more.
    virtual void Finish(const absl::Status& status,
                        const CallReport& report) = 0;
  };

  // TranslationCore::TranslateAloud.
  using OnText = absl::AnyInvocable<void(absl::string_view more)>;
  using TranslateFunction =
      absl::AnyInvocable<void(const v1::TranslateRequest&, CallContext, OnText,
                              CallDone<v1::TranslateResponse>) const>;

  // `peer` must live until it is told to Finish.
  explicit TranslationStream(Peer* peer) : peer_(peer) {}

  // Once, and first.
  void Start(const v1::TranslateRequest& request, absl::Time deadline,
             const TranslateFunction& translate);

  // The message has been sent, or (`ok` false) nothing can be sent any more.
  void WriteDone(bool ok);

  // Nobody waits any more, or the deadline has passed.
  void Cancel() { cancelled_->store(true); }

  // It has its only request, and ends with it anyway.
  void Drain() override {}

 private:
  // What is to be done when the lock is given back; one of them at most.
  struct Action {
    std::optional<v1::TranslateStreamResponse> write = {};
    std::optional<absl::Status> finish = {};
  };

  void Told(absl::string_view more);
  void Done(absl::StatusOr<v1::TranslateResponse> response,
            const CallReport& report);
  Action Decide() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CarryOut(Action action);

  Peer* const peer_;
  const std::shared_ptr<std::atomic<bool>> cancelled_ =
      std::make_shared<std::atomic<bool>>(false);

  Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::string text_ ABSL_GUARDED_BY(mutex_);  // to be told

  // What came of it; OK once it has been told.
  std::optional<v1::TranslateResponse> response_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  CallReport report_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_TRANSLATION_STREAM_H_
