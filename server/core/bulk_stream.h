// SPDX-License-Identifier: Apache-2.0
//
// Streams of any number of requests with ids, answered as they are done, in any
// order: SentimentService.ScoreStream without a transport.

#ifndef CAROUSEL_SERVER_CORE_BULK_STREAM_H_
#define CAROUSEL_SERVER_CORE_BULK_STREAM_H_

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "model/base/clock.h"
#include "model/base/mutex.h"
#include "model/base/retry.h"
#include "server/core/call.h"
#include "server/core/errors.h"
#include "server/core/live_streams.h"

namespace carousel {

// How much of a stream is taken in and not answered, at most. Enough for full
// batches, and not the whole queue of the engine, which others want to use.
struct BulkLimits {
  size_t requests = 256;
  size_t bytes = size_t{512} << 10;  // of messages; one may be larger

  size_t id_bytes = 128;
};

// One stream. It reads as long as the limits allow, and does not read while a
// client does not take its answers: memory is bounded, and a stream waits
// instead of filling the server. A request that a full queue refuses is kept
// and tried again.
//
// The end: OK after HalfClose and the last answer; DEADLINE_EXCEEDED where the
// engine says so, as it holds for every further request; UNAVAILABLE after
// Drain, or when the engine drains, and what it has of the stream is answered;
// CANCELLED after Cancel.
//
// Thread-safe; no function blocks. Jobs share the ownership: a stream lives
// until its last job is done.
template <typename Request, typename Response>
class BulkStream final
    : public LiveStream,
      public std::enable_shared_from_this<BulkStream<Request, Response>> {
 public:
  // What came of the request `id`.
  struct Answer {
    std::string id;
    absl::StatusOr<Response> response = absl::UnknownError("not answered");
    CallReport report = {};
    absl::Time asked_at = {};
  };

  // The transport's side. Called without a lock; must not block. There is at
  // most one read, one write and one wait at a time.
  class Peer {
   public:
    virtual ~Peer() = default;

    // Reads a request and then calls Next, or HalfClose. Called from Start,
    // Next and WriteDone only.
    virtual void Read() = 0;

    // Sends the answer and then calls WriteDone; not before.
    virtual void Write(Answer answer) = 0;

    // Calls Wake after that time, from anywhere.
    virtual void Wait(absl::Duration time) = 0;

    // The last call but for Read, whose result nobody heeds any more.
    virtual void Finish(const absl::Status& status) = 0;
  };

  using RunFunction = absl::AnyInvocable<void(const Request&, CallContext,
                                              CallDone<Response>) const>;

  struct Options {
    RunFunction run = {};          // e.g. SentimentCore::Score
    const Clock* clock = nullptr;  // outlives the stream
    absl::Time deadline = absl::InfiniteFuture();
    BulkLimits limits = {};
  };

  // `peer` must live until it is told to Finish.
  BulkStream(Options options, Peer* peer)
      : options_(std::move(options)), peer_(peer) {}

  // Begins to read. Once.
  void Start() { peer_->Read(); }

  // A request of so many bytes has come. `request` is an error if it could not
  // be read: that is its answer.
  void Next(const std::string& id, absl::StatusOr<Request> request,
            size_t bytes) {
    auto job = std::make_shared<Job>(Job{.id = id,
                                         .request = std::move(request),
                                         .bytes = bytes,
                                         .asked_at = options_.clock->Now()});
    Act([&](Action* action) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      reading_ = false;
      if (end_.has_value()) return;
      if (draining_) {
        dropped_ = true;
        return;
      }
      Take(std::move(job), action);
    });
  }

  // No request will come any more.
  void HalfClose() {
    Act([&](Action*) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      reading_ = false;
      half_closed_ = true;
    });
  }

  // The answer has been sent, or (`ok` false) nothing can be sent any more.
  void WriteDone(bool ok) {
    Act([&](Action* action) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      writing_ = false;
      --open_;
      open_bytes_ -= written_bytes_;
      if (!ok) End(absl::CancelledError("the answer could not be sent"));
      action->may_read = true;
    });
  }

  // The wait is over.
  void Wake() {
    Act([&](Action* action) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      waiting_ = false;
      TryAgain(action);
    });
  }

  // Takes no more requests; ends when what it has is answered.
  void Drain() override {
    Act([&](Action*)
            ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { draining_ = true; });
  }

  // Nobody waits for answers any more, or the deadline has passed.
  void Cancel() {
    Fail(options_.clock->Now() < options_.deadline
             ? absl::CancelledError("the client left")
             : absl::DeadlineExceededError("the stream's deadline passed"));
  }

  // Ends the stream with `status`, an error that concerns all of it.
  void Fail(absl::Status status) {
    Act([&](Action*)
            ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { End(std::move(status)); });
  }

 private:
  struct Job {
    std::string id;
    absl::StatusOr<Request> request;
    size_t bytes = 0;
    absl::Time asked_at = {};
  };
  using JobPointer = std::shared_ptr<Job>;

  // What is to be done when the lock is given back.
  struct Action {
    bool may_read = false;  // it is a moment at which a read may begin
    bool read = false;
    JobPointer run = {};
    std::optional<Answer> write = {};
    std::optional<absl::Duration> wait = {};
    std::optional<absl::Status> finish = {};
  };

  // Changes the state under the lock, sees what follows from it, does it.
  template <typename Change>
  void Act(Change change) {
    Action action;
    {
      MutexLock lock(&mutex_);
      change(&action);
      Decide(&action);
    }
    if (action.read) peer_->Read();
    if (action.write.has_value()) peer_->Write(*std::move(action.write));
    if (action.wait.has_value()) Wait(*action.wait);
    if (action.run != nullptr) Run(std::move(action.run));
    if (action.finish.has_value()) peer_->Finish(*action.finish);
  }

  void Take(JobPointer job, Action* action)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    action->may_read = true;
    open_bytes_ += job->bytes;
    ++open_;
    absl::Status status = CheckId(job->id);
    if (status.ok()) status = job->request.status();
    if (!status.ok()) {
      // Not among the ids: an earlier request may have the same.
      answers_.push_back({{.id = job->id,
                           .response = std::move(status),
                           .asked_at = job->asked_at},
                          job->bytes,
                          /*has_id=*/false});
      return;
    }
    ids_.insert(job->id);
    ++running_;
    action->run = std::move(job);
  }

  absl::Status CheckId(const std::string& id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const size_t most = options_.limits.id_bytes;
    if (id.empty() || id.size() > most) {
      return InvalidField("id", absl::StrCat("expected 1 to ", most,
                                             " bytes, found ", id.size()));
    }
    if (!ids_.contains(id)) return absl::OkStatus();
    return InvalidField(
        "id",
        absl::StrCat("expected one that no unanswered request has, found \"",
                     id, "\" again"));
  }

  void Run(JobPointer job) {
    auto self = this->shared_from_this();
    const Request& request = *job->request;
    options_.run(request, {options_.deadline, cancelled_, /*bulk=*/true},
                 [self, job = std::move(job)](absl::StatusOr<Response> response,
                                              const CallReport& report) {
                   self->Ran(job, std::move(response), report);
                 });
  }

  void Ran(const JobPointer& job, absl::StatusOr<Response> response,
           const CallReport& report) {
    Act([&](Action* action) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      --running_;
      if (end_.has_value()) return;
      if (absl::IsResourceExhausted(response.status())) {
        refused_.push_back(job);
        // A job that is done tells that there is room; without one, time does.
        if (running_ == 0 && !waiting_) {
          waiting_ = true;
          ++arming_;
          action->wait =
              RetryDelayOf(response.status()).value_or(absl::Milliseconds(10));
        }
        return;
      }
      if (absl::IsDeadlineExceeded(response.status())) {
        return End(response.status());
      }
      if (absl::IsUnavailable(response.status())) {
        draining_ = true;
        refused_.push_back(job);
        for (const JobPointer& dropped : refused_) Drop(*dropped);
        refused_.clear();
        return;
      }
      answers_.push_back({{.id = job->id,
                           .response = std::move(response),
                           .report = report,
                           .asked_at = job->asked_at},
                          job->bytes,
                          /*has_id=*/true});
      TryAgain(action);
    });
  }

  // The peer must not be told to finish while it is told to wait.
  void Wait(absl::Duration time) {
    peer_->Wait(time);
    Act([&](Action*) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { --arming_; });
  }

  // It will not be answered.
  void Drop(const Job& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    dropped_ = true;
    ids_.erase(job.id);
    open_bytes_ -= job.bytes;
    --open_;
  }

  void TryAgain(Action* action) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (refused_.empty() || end_.has_value()) return;
    action->run = std::move(refused_.front());
    refused_.pop_front();
    ++running_;
  }

  void End(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (end_.has_value()) return;
    end_ = std::move(status);
    cancelled_->store(true);
    refused_.clear();
    answers_.clear();
  }

  void Decide(Action* action) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_ || writing_ || arming_ > 0) return MayRead(action);
    if (end_.has_value()) {
      finished_ = true;
      action->run = nullptr;
      action->finish = *end_;
      return;
    }
    if (!answers_.empty()) {
      writing_ = true;
      written_bytes_ = answers_.front().bytes;
      // From here on the client may have read it, and use the id again.
      if (answers_.front().has_id) ids_.erase(answers_.front().answer.id);
      action->write = std::move(answers_.front().answer);
      answers_.pop_front();
    } else if (open_ == 0 && half_closed_ && !dropped_) {
      End(absl::OkStatus());
      return Decide(action);
    } else if (open_ == 0 && draining_) {
      End(absl::UnavailableError(
          "the server is draining; open another stream elsewhere"));
      return Decide(action);
    }
    MayRead(action);
  }

  void MayRead(Action* action) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!action->may_read || reading_ || half_closed_ || draining_ ||
        end_.has_value() || !refused_.empty()) {
      return;
    }
    if (open_ >= options_.limits.requests ||
        open_bytes_ >= options_.limits.bytes) {
      return;
    }
    reading_ = action->read = true;
  }

  struct ReadyAnswer {
    Answer answer;
    size_t bytes = 0;
    bool has_id = false;
  };

  const Options options_;
  Peer* const peer_;
  const std::shared_ptr<std::atomic<bool>> cancelled_ =
      std::make_shared<std::atomic<bool>>(false);

  Mutex mutex_;
  bool reading_ ABSL_GUARDED_BY(mutex_) = true;  // from Start on
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  int arming_ ABSL_GUARDED_BY(mutex_) = 0;  // calls of Peer::Wait
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool dropped_ ABSL_GUARDED_BY(mutex_) = false;  // a request, by draining
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;

  // Requests taken in and not answered; of them those that the engine has, and
  // those that it had no room for.
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t open_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<JobPointer> refused_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<std::string> ids_ ABSL_GUARDED_BY(mutex_);

  std::deque<ReadyAnswer> answers_ ABSL_GUARDED_BY(mutex_);
  size_t written_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // of that on its way

  // How the stream ends, as soon as nothing is being written.
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_BULK_STREAM_H_
