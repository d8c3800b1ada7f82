// SPDX-License-Identifier: Apache-2.0
//
// AutocompleteService.CompleteStream without a transport: which request of a
// person who types is computed, answered or passed over. The newest one wins.

#ifndef CAROUSEL_SERVER_CORE_COMPLETION_STREAM_H_
#define CAROUSEL_SERVER_CORE_COMPLETION_STREAM_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "carousel/v1/autocomplete.pb.h"
#include "model/base/clock.h"
#include "model/base/mutex.h"
#include "server/core/call.h"
#include "server/core/live_streams.h"

namespace carousel {

// One stream. At any time it computes one request, or writes one answer, or
// does neither, and at most one request waits: a newer one replaces the one
// that waits and cancels the one that is computed, whose answer is then
// dropped. Nothing is computed while an answer cannot be written, so a client
// that does not read costs no work, and memory is bounded.
//
// The end: OK after HalfClose and the last answer; INVALID_ARGUMENT at once for
// a number that does not grow; UNAVAILABLE and DEADLINE_EXCEEDED where the
// engine says so, as they hold for every further request; UNAVAILABLE after
// Drain, when the request under way is answered; CANCELLED after Cancel.
//
// Thread-safe; no function blocks. Jobs share the ownership: a stream lives
// until its last job is done.
//
//   auto stream = CompletionStream::Create(
//       {.complete = absl::bind_front(&AutocompleteCore::Complete, &core),
//        .clock = &Clock::Real()}, &peer);
//   stream->Next(1, request);
//   stream->HalfClose();
class CompletionStream final
    : public LiveStream,
      public std::enable_shared_from_this<CompletionStream> {
 public:
  // What came of the request `number`.
  struct Answer {
    int64_t number = 0;
    absl::StatusOr<v1::CompleteResponse> response =
        absl::UnknownError("not answered");
    CallReport report = {};
    absl::Time asked_at = {};
  };

  // The transport's side. Called without a lock, from any thread, one call at a
  // time; must not block.
  class Peer {
   public:
    virtual ~Peer() = default;

    // Sends the answer and then calls WriteDone; not before.
    virtual void Write(Answer answer) = 0;

    // The last call: the stream does not touch its peer any more.
    virtual void Finish(const absl::Status& status) = 0;
  };

  using CompleteFunction =
      absl::AnyInvocable<void(const v1::CompleteRequest&, CallContext,
                              CallDone<v1::CompleteResponse>) const>;

  struct Options {
    CompleteFunction complete = {};  // AutocompleteCore::Complete
    const Clock* clock = nullptr;    // outlives the stream
    absl::Time deadline = absl::InfiniteFuture();
  };

  // `peer` must live until it is told to Finish.
  static std::shared_ptr<CompletionStream> Create(Options options, Peer* peer);

  // A request has come. `request` is an error if it could not be read: that is
  // its answer. Passed over once the stream ends or drains.
  void Next(int64_t number, absl::StatusOr<v1::CompleteRequest> request);

  // No request will come any more.
  void HalfClose();

  // The answer has been sent, or (`ok` false) nothing can be sent any more.
  void WriteDone(bool ok);

  void Drain() override;

  // Nobody waits for answers any more, or the deadline has passed.
  void Cancel();

  // Ends the stream with `status`, an error that concerns all of it.
  void Fail(absl::Status status);

 private:
  using CancelFlag = std::shared_ptr<std::atomic<bool>>;

  enum class Phase { kIdle, kComputing, kWriting, kFinished };

  struct Request {
    int64_t number = 0;
    absl::StatusOr<v1::CompleteRequest> request;
    absl::Time asked_at = {};
    CancelFlag cancelled = {};
  };

  // What is to be done when the lock is given back; one of them at most.
  struct Action {
    std::optional<Request> compute = {};
    std::optional<Answer> write = {};
    std::optional<absl::Status> finish = {};
  };

  CompletionStream(Options options, Peer* peer)
      : options_(std::move(options)), peer_(peer) {}

  void Add(Request request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CancelJob() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Action Decide() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Action DecideOnAnswer(Answer answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void CarryOut(Action action);
  void Compute(Request request);
  void Computed(Answer answer);

  const Options options_;
  Peer* const peer_;

  Mutex mutex_;
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kIdle;
  std::optional<Request> waiting_ ABSL_GUARDED_BY(mutex_);
  std::optional<int64_t> last_number_ ABSL_GUARDED_BY(mutex_);
  CancelFlag job_cancelled_ ABSL_GUARDED_BY(mutex_);  // of what is computed
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;

  // How the stream ends, as soon as nothing is being written.
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_COMPLETION_STREAM_H_
