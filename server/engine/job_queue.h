// SPDX-License-Identifier: Apache-2.0
//
// The bounded queue between those who ask and those who compute.

#ifndef CAROUSEL_SERVER_ENGINE_JOB_QUEUE_H_
#define CAROUSEL_SERVER_ENGINE_JOB_QUEUE_H_

#include <cstdint>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/engine/admission.h"
#include "server/engine/work.h"

namespace carousel {

// What is due first goes first (StepScheduler). Not thread-safe. The queue
// never calls a job's `done`: who holds the job completes it.
class JobQueue {
 public:
  explicit JobQueue(const AdmissionLimits& limits) : limits_(limits) {}

  // Takes `*job`, of which `facts` are told, or leaves it as it is and says why
  // (see Admit).
  absl::Status Push(std::unique_ptr<Work>* job, const JobFacts& facts,
                    absl::Time now);

  // The job that is due first; null if there is none.
  std::unique_ptr<Work> Pop();

  // From here on Push refuses with UNAVAILABLE.
  void Close() { load_.closed = true; }

  bool empty() const { return jobs_.empty(); }

  // Whether the job that is due first is one of bulk. REQUIRES: !empty().
  bool NextIsBulk() const { return jobs_.begin()->second->terms().bulk; }

  // Whether no other job than those of bulk waits.
  bool OnlyBulk() const { return bulk_ == load_.jobs; }

  const QueueLoad& load() const { return load_; }

 private:
  const AdmissionLimits limits_;
  std::multimap<int64_t, std::unique_ptr<Work>>
      jobs_;  // by due, then by their coming
  QueueLoad load_;
  int64_t bulk_ = 0;  // of load_.jobs
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_JOB_QUEUE_H_
