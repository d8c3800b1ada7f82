// SPDX-License-Identifier: Apache-2.0
//
// The serving engine: takes jobs, computes them on threads of its own, many at
// a time and step by step, and says what became of them. It sees no request, no
// socket and no message.

#ifndef CAROUSEL_SERVER_ENGINE_ENGINE_H_
#define CAROUSEL_SERVER_ENGINE_ENGINE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "model/base/clock.h"
#include "model/base/mutex.h"
#include "server/engine/admission.h"
#include "server/engine/job.h"
#include "server/engine/job_queue.h"
#include "server/engine/network_registry.h"
#include "server/engine/parts_board.h"
#include "server/engine/step_scheduler.h"
#include "server/engine/work.h"
#include "server/engine/work_ahead.h"
#include "server/engine/work_meter.h"

namespace carousel {

struct EngineOptions {
  // Threads that compute, each with one OpenMP thread: more of them than CPUs
  // allowed (ReadCpuAllowance) makes everything slower. 0: jobs only wait.
  int workers = 1;

  AdmissionLimits admission = {};
  StepSchedulerOptions steps = {};

  // Jobs that are worked on at a time, each with a state; the others wait. As
  // many bulk jobs beside them (LabelJob::bulk).
  int max_sequences = 256;

  // Bound of what is remembered of texts, for each model version.
  size_t prefix_cache_bytes = size_t{64} << 20;
};

// Counters since the start, and what is going on at this instant.
struct EngineStats {
  QueueLoad queue;
  int running = 0;      // jobs begun and not ended
  int64_t refused = 0;  // RESOURCE_EXHAUSTED at the door
  int64_t expired = 0;  // deadline passed at the door, in the queue, or running
  int64_t cancelled = 0;      // nobody waited any more
  int64_t tokens = 0;         // fed to a network
  int64_t wasted_tokens = 0;  // ... for jobs that ended without an answer
  int64_t batches = 0;        // of steps, outputs or whole texts, computed
  int64_t batched_rows = 0;   // sequences in them, together
  PrefixCacheStats cache;
};

// Thread-safe. Each job is completed exactly once, also at shutdown. Deadlines
// and cancellation are looked at before every batch, which is a few steps, and
// every few steps of whole texts; a job that nobody waits for is dropped, not
// computed.
//
//   Engine engine({.workers = 2}, Clock::Real());
//   engine.Submit({.network = ..., .tokenizer = ..., .text = ..., .done =
//   ...}); engine.Drain(absl::Now() + absl::Seconds(20));
class Engine {
 public:
  // `clock` must outlive the engine; deadlines are measured by it.
  Engine(const EngineOptions& options, const Clock& clock);

  // Drains without waiting for what is queued.
  ~Engine();

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Makes a network's first answer as fast as its thousandth (warm_up.h), on
  // every worker. Blocks until that is done. INTERNAL if the network fails.
  // REQUIRES: not called beside or after Drain.
  absl::Status WarmUp(const LanguageModel& network);
  absl::Status WarmUp(const Classifier& network);
  absl::Status WarmUp(const Translator& network);
  absl::Status WarmUp(const Forecaster& network);

  // Never blocks. `job.done` is called on this thread if the job is refused
  // (see Admit), else on a worker.
  void Submit(Job job);
  void Submit(LabelJob job);
  void Submit(TranslationJob job);
  void Submit(ForecastJob job);
  void Submit(ReadJob job);

  // Refuses new jobs with UNAVAILABLE and finishes those it has. What is left
  // at `deadline` (real time) is completed with UNAVAILABLE, running jobs after
  // their current batch. Returns when every job is completed and every worker
  // has ended. May be called again, but by one thread at a time.
  void Drain(absl::Time deadline);

  EngineStats stats() const;

  // Of the states remembered for this network. Of one that has gone they are
  // freed by `stats` and by jobs.
  PrefixCacheStats cache_stats(const LanguageModel& network) const;

 private:
  using Works = std::vector<std::unique_ptr<Work>>;

  // What a worker does next: one of these.
  struct Task {
    enum class Kind { kBegin, kBatch, kHelp, kChore, kEnd };
    Kind kind = Kind::kEnd;
    std::unique_ptr<Work> job = {};
    Works batch = {};
    int steps = 0;
    bool give_way = false;  // to other threads, after the batch
  };
  using Chore = std::function<void(PartScratch*)>;

  struct Worker {
    CondVar wake;
    bool resting = false;
    int begun = 0;    // jobs, since its last batch
    int running = 0;  // jobs of its own, begun and not ended
    std::vector<Chore> chores = {};
  };

  void RunWorker(size_t worker);
  Task NextTask(size_t worker);
  void DoChores(size_t worker, PartScratch* scratch);
  void Rest(size_t worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasTask(size_t worker) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool CanBegin(size_t worker) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasPlace() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool OnlyBulk() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsOver() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeBatch(size_t worker, Task* task)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void SubmitWork(std::unique_ptr<Work> work);
  absl::Status WarmUpBy(absl::FunctionRef<absl::Status(PartScratch*)> warm_up);
  absl::Status CheckGoesOn(const Work& work) const;
  absl::Status CheckAnyGoesOn(absl::Span<Work* const> batch) const;
  void Begin(std::unique_ptr<Work> work, size_t worker);
  void RunBatch(Works works, int steps, Parts* parts);
  void DropUnwanted(Works* works);
  void GoOn(Works works);
  void Finish(std::unique_ptr<Work> work, absl::Status status);
  void LookAtLoad(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountRefusal(const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const EngineOptions options_;
  const AdmissionLimits admission_;
  const Clock& clock_;
  mutable NetworkRegistry networks_;
  std::atomic<bool> abandon_ = false;
  PartsBoard board_;

  mutable Mutex mutex_;
  CondVar worker_ended_;
  JobQueue queue_ ABSL_GUARDED_BY(mutex_);
  StepScheduler scheduler_ ABSL_GUARDED_BY(mutex_);
  WorkMeter meter_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<int64_t, std::unique_ptr<Work>> waiting_
      ABSL_GUARDED_BY(mutex_);  // those that the scheduler knows, by id
  int64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0;
  WorkAhead work_ahead_ ABSL_GUARDED_BY(mutex_);   // of jobs not completed
  int64_t bulk_jobs_ ABSL_GUARDED_BY(mutex_) = 0;  // the same
  int running_bulk_ ABSL_GUARDED_BY(mutex_) = 0;   // of stats_.running
  std::vector<Worker> workers_ ABSL_GUARDED_BY(mutex_);
  int alive_ ABSL_GUARDED_BY(mutex_);          // workers that have not ended
  EngineStats stats_ ABSL_GUARDED_BY(mutex_);  // without queue and cache

  std::vector<std::thread> threads_;  // touched by Drain only
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_ENGINE_H_
