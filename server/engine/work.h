// SPDX-License-Identifier: Apache-2.0
//
// A job of any kind as the engine sees it: what waits in the queue, is worked
// on, and is answered.

#ifndef CAROUSEL_SERVER_ENGINE_WORK_H_
#define CAROUSEL_SERVER_ENGINE_WORK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "model/base/clock.h"
#include "server/engine/job.h"
#include "server/engine/network_registry.h"
#include "server/engine/parts.h"
#include "server/engine/step_scheduler.h"

namespace carousel {

// Until when somebody waits for a job.
struct JobTerms {
  absl::Time deadline = absl::InfiniteFuture();

  // Set when the answer is no longer wanted. Null: never.
  std::shared_ptr<const std::atomic<bool>> cancelled = {};

  bool bulk = false;  // as LabelJob::bulk
};

// OK while somebody waits; else DEADLINE_EXCEEDED or CANCELLED.
absl::Status CheckWanted(const JobTerms& terms, absl::Time now);

// Belongs to one thread at a time.
class Work {
 public:
  virtual ~Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  const JobTerms& terms() const { return terms_; }

  // About what it costs, by the length of its text (admission.h).
  virtual int64_t EstimateTokens() const = 0;

  // Cuts its text into tokens, which is work too. An error is its answer.
  virtual absl::Status Begin(NetworkRegistry* networks) = 0;

  // There is nothing left to compute. REQUIRES: it was begun.
  virtual bool finished() const = 0;

  // Why it has no answer, of its own and not of its batch. REQUIRES:
  // finished().
  virtual absl::Status error() const { return absl::OkStatus(); }

  // What it needs next; `id` and `due` are left open. REQUIRES: !finished().
  virtual ReadySequence next() const = 0;

  // Computes what all of a batch of the scheduler need next, this one being
  // their first: `steps` tokens of each, or what is due of them if it is 0.
  // `look` tells whether all that is in vain; long batches ask in between.
  // Otherwise INTERNAL if the network fails.
  using Look = absl::FunctionRef<absl::Status()>;
  virtual absl::Status Run(absl::Span<Work* const> batch, int steps,
                           Parts* parts, Look look) = 0;

  // It will not go on. What was computed may serve others.
  virtual void Abandon() {}

  // Tokens fed to a network so far.
  virtual int64_t tokens_fed() const = 0;

  // Answers whoever asked: with what was found if `status` is OK. Once. Called
  // also if it was never begun.
  virtual void Complete(absl::Status status, const JobReport& report) = 0;

  // What the engine keeps with it.
  absl::Time accepted_at = {};  // when it came into the queue
  int64_t tokens = 0;           // work that is left, by estimate
  int64_t due = 0;              // StepScheduler::DueAfter
  size_t worker = 0;            // that it stays with
  int largest_batch = 0;        // that it was in
  absl::Duration compute = {};  // that its batches took

 protected:
  explicit Work(JobTerms terms) : terms_(std::move(terms)) {}

 private:
  const JobTerms terms_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_WORK_H_
