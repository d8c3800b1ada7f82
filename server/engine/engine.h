// SPDX-License-Identifier: Apache-2.0
//
// The serving engine: takes jobs, computes them on threads of its own, and says
// what became of them. It sees no request, no socket and no message.

#ifndef CAROUSEL_SERVER_ENGINE_ENGINE_H_
#define CAROUSEL_SERVER_ENGINE_ENGINE_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "model/base/clock.h"
#include "server/engine/admission.h"
#include "server/engine/job.h"
#include "server/engine/job_queue.h"
#include "server/engine/mutex.h"

namespace carousel {

struct EngineOptions {
  // Threads that compute, each with one OpenMP thread: more of them than CPUs
  // allowed (ReadCpuAllowance) makes everything slower. 0: jobs only wait.
  int workers = 1;

  AdmissionLimits admission = {};
};

// Counters since the start, and what is going on at this instant.
struct EngineStats {
  QueueLoad queue;
  int running = 0;
  int64_t refused = 0;  // RESOURCE_EXHAUSTED at the door
  int64_t expired = 0;  // deadline passed at the door, in the queue, or running
  int64_t cancelled = 0;      // nobody waited any more
  int64_t tokens = 0;         // fed to a network
  int64_t wasted_tokens = 0;  // ... for jobs that ended without an answer
};

// Thread-safe. Each job is completed exactly once, also at shutdown. Deadlines
// and cancellation are looked at when a job leaves the queue and between chunks
// of a few tokens; a job that nobody waits for is dropped, not computed.
//
//   Engine engine({.workers = 2}, Clock::Real());
//   engine.Submit({.network = ..., .completion = ..., .done = ...});
//   engine.Drain(absl::Now() + absl::Seconds(20));
class Engine {
 public:
  // `clock` must outlive the engine; deadlines are measured by it.
  Engine(const EngineOptions& options, const Clock& clock);

  // Drains without waiting for what is queued.
  ~Engine();

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Never blocks. `job.done` is called on this thread if the job is refused
  // (see Admit), else on a worker.
  void Submit(Job job);

  // Refuses new jobs with UNAVAILABLE and finishes those it has. What is left
  // at `deadline` (real time) is completed with UNAVAILABLE, running jobs after
  // their current chunk. Returns when every job is completed and every worker
  // has ended. May be called again, but by one thread at a time.
  void Drain(absl::Time deadline);

  EngineStats stats() const;

 private:
  void Work();
  JobResult Run(Job* job, LanguageModel::Workspace* workspace);
  void Count(const absl::Status& status);

  const Clock& clock_;
  JobQueue queue_;
  std::atomic<bool> abandon_ = false;

  std::atomic<int> running_ = 0;
  std::atomic<int64_t> refused_ = 0;
  std::atomic<int64_t> expired_ = 0;
  std::atomic<int64_t> cancelled_ = 0;
  std::atomic<int64_t> tokens_ = 0;
  std::atomic<int64_t> wasted_tokens_ = 0;

  Mutex mutex_;
  CondVar worker_ended_;
  int alive_ ABSL_GUARDED_BY(mutex_);

  std::vector<std::thread> workers_;  // touched by Drain only
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_ENGINE_H_
