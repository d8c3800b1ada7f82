// SPDX-License-Identifier: Apache-2.0
//
// The bounded queue between those who ask and those who compute.

#ifndef CAROUSEL_SERVER_ENGINE_JOB_QUEUE_H_
#define CAROUSEL_SERVER_ENGINE_JOB_QUEUE_H_

#include <cstdint>
#include <deque>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/engine/admission.h"
#include "server/engine/job.h"
#include "server/engine/mutex.h"

namespace carousel {

// First in, first out. Thread-safe. The queue never calls a job's `done`: who
// holds the job completes it.
class JobQueue {
 public:
  explicit JobQueue(const AdmissionLimits& limits) : limits_(limits) {}

  // Takes `*job`, or leaves it as it is and says why (see Admit). Never blocks.
  absl::Status Push(Job* job, absl::Time now);

  // The oldest job. Blocks while the queue is empty and open; nothing once it
  // is empty and closed.
  std::optional<Job> Pop();

  // The oldest job if there is one. Does not block.
  std::optional<Job> TryPop();

  // From here on Push refuses with UNAVAILABLE.
  void Close();

  QueueLoad load() const;

 private:
  std::optional<Job> TakeFront() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const AdmissionLimits limits_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mutex_);
  QueueLoad load_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_JOB_QUEUE_H_
