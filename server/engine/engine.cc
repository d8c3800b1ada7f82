// SPDX-License-Identifier: Apache-2.0

#include "server/engine/engine.h"

#include <omp.h>

#include <algorithm>
#include <utility>

#include "model/base/thread_policy.h"
#include "server/engine/step_runner.h"
#include "server/engine/warm_up.h"

namespace carousel {
namespace {

// Jobs of each worker from which on its batches are large: a token of 8 rows
// costs a third of one of a single row, and hardly more than one of 64.
constexpr int64_t kFullBatch = 8;

// Jobs that are begun before those that are there go on: to cut a long text
// into tokens takes as long as some of its steps.
constexpr int kMostBegun = 8;

AdmissionLimits LimitsOf(const EngineOptions& options) {
  AdmissionLimits limits = options.admission;
  limits.full_load = kFullBatch * std::max(1, options.workers);
  return limits;
}

absl::Status Abandoned() {
  return absl::UnavailableError(
      "the server stopped before the answer was computed; retry elsewhere");
}

}  // namespace

Engine::Engine(const EngineOptions& options, const Clock& clock)
    : options_(options),
      admission_(LimitsOf(options)),
      clock_(clock),
      networks_(options.prefix_cache_bytes),
      board_(options.workers,
             [this] {
               MutexLock lock(&mutex_);
               WakeOne();
             }),
      queue_(admission_),
      scheduler_(std::max(1, options.workers), options.steps),
      workers_(static_cast<size_t>(options.workers)),
      alive_(options.workers) {
  for (size_t i = 0; i < static_cast<size_t>(options.workers); ++i) {
    threads_.emplace_back([this, i] { Work(i); });
  }
}

Engine::~Engine() { Drain(absl::InfinitePast()); }

void Engine::Submit(Job job) {
  job.tokens = EstimateTokens(job.text.size(), job.options.max_context_tokens);
  job.accepted_at = clock_.Now();
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    job.due = scheduler_.DueAfter(job.tokens, work_ahead_.jobs() + 1);
    const int64_t tokens = job.tokens;
    status =
        queue_.Push(&job, work_ahead_.jobs(),
                    meter_.TimeFor(work_ahead_.Until(tokens)), job.accepted_at);
    if (status.ok()) {
      work_ahead_.Add(tokens);
      LookAtLoad(job.accepted_at);
      WakeOne();
    }
    CountRefusal(status);
  }
  if (!status.ok()) std::move(job.done)({.suggestions = std::move(status)});
}

void Engine::Drain(absl::Time deadline) {
  std::vector<Job> left;
  {
    MutexLock lock(&mutex_);
    queue_.Close();
    WakeAll();
    while (alive_ > 0 && worker_ended_.WaitUntil(&mutex_, deadline)) {
    }
    abandon_ = true;
    while (std::optional<Job> job = queue_.Pop()) {
      work_ahead_.Remove(job->tokens);
      left.push_back(std::move(*job));
    }
    WakeAll();
  }
  for (Job& job : left) {
    std::move(job.done)(
        {.suggestions = Abandoned(), .queue = clock_.Now() - job.accepted_at});
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Engine::Work(size_t worker) {
  // First of all: oneDNN fixes the number of threads of a kernel when it makes
  // it, and several threads a worker only get in each other's way.
  omp_set_num_threads(1);
  InterruptOthers();
  SharedParts parts(&board_);
  while (true) {
    Task task = NextTask(worker);
    switch (task.kind) {
      case Task::Kind::kBegin:
        Begin(*std::move(task.job), worker);
        continue;
      case Task::Kind::kBatch:
        RunBatch(std::move(task.batch), task.steps, &parts);
        continue;
      case Task::Kind::kHelp:
        board_.Help(parts.scratch());
        continue;
      case Task::Kind::kChore:
        DoChores(worker, parts.scratch());
        continue;
      case Task::Kind::kEnd:
        break;
    }
    break;
  }
  MutexLock lock(&mutex_);
  --alive_;
  worker_ended_.NotifyAll();
}

// Jobs are begun before batches are computed, a few of them: those that come
// together then go together. Others are helped last: with work of one's own
// nobody waits for anybody.
Engine::Task Engine::NextTask(size_t worker) {
  MutexLock lock(&mutex_);
  while (!HasTask(worker)) Rest(worker);
  Task task;
  if (!workers_[worker].chores.empty()) {
    task.kind = Task::Kind::kChore;
  } else if (CanBegin(worker) &&
             (scheduler_.empty() || workers_[worker].begun < kMostBegun)) {
    ++workers_[worker].begun;
    task.kind = Task::Kind::kBegin;
    task.job = queue_.Pop();
    ++stats_.running;
    ++workers_[worker].running;
  } else if (!scheduler_.empty()) {
    task.kind = Task::Kind::kBatch;
    TakeBatch(worker, &task);
    workers_[worker].begun = 0;
  } else if (!IsOver()) {
    task.kind = Task::Kind::kHelp;  // if others have left any
  }
  if (HasWork()) WakeOne();  // one call wakes one worker; this is for the next
  return task;
}

// Whoever offers parts and sees nobody idle calls nobody, so that is looked at
// again once they could see it.
void Engine::Rest(size_t worker) {
  workers_[worker].resting = true;
  board_.SetIdle(true);
  if (!board_.HasWork()) workers_[worker].wake.Wait(&mutex_);
  board_.SetIdle(false);
  workers_[worker].resting = false;
}

// Who is called does not rest any more: the next call is another's.
void Engine::WakeOne() {
  const auto resting =
      std::find_if(workers_.begin(), workers_.end(),
                   [](const Worker& worker) { return worker.resting; });
  if (resting == workers_.end()) return;
  resting->resting = false;
  resting->wake.NotifyOne();
}

void Engine::WakeAll() {
  for (Worker& worker : workers_) worker.wake.NotifyOne();
}

bool Engine::HasTask(size_t worker) const {
  return !workers_[worker].chores.empty() || CanBegin(worker) ||
         !scheduler_.empty() || board_.HasWork() || IsOver();
}

bool Engine::HasWork() const {
  const bool can_begin =
      !queue_.empty() && stats_.running < options_.max_sequences;
  return can_begin || !scheduler_.empty() || board_.HasWork() || IsOver();
}

void Engine::DoChores(size_t worker, PartScratch* scratch) {
  std::vector<Chore> chores;
  {
    MutexLock lock(&mutex_);
    chores.swap(workers_[worker].chores);
  }
  for (const Chore& chore : chores) chore(scratch);
}

absl::Status Engine::WarmUp(const LanguageModel& network) {
  Mutex mutex;
  CondVar ended;
  int left = options_.workers;
  absl::Status result;
  const Chore chore = [&](PartScratch* scratch) {
    const absl::Status status =
        carousel::WarmUp(network, options_.steps, scratch);
    MutexLock lock(&mutex);
    result.Update(status);
    --left;
    ended.NotifyAll();
  };
  {
    MutexLock lock(&mutex_);
    for (Worker& worker : workers_) worker.chores.push_back(chore);
    WakeAll();
  }
  MutexLock lock(&mutex);
  while (left > 0) ended.Wait(&mutex);
  return result;
}

// No worker takes more than its share: the others would take them from it.
// Some worker has less than its share as long as jobs wait.
bool Engine::CanBegin(size_t worker) const {
  if (queue_.empty() || stats_.running >= options_.max_sequences) return false;
  return workers_[worker].running * options_.workers <
         stats_.running + queue_.load().jobs;
}

bool Engine::IsOver() const {
  return queue_.load().closed && queue_.empty() && stats_.running == 0;
}

void Engine::TakeBatch(size_t worker, Task* task) {
  const StepBatch batch = scheduler_.Next(worker);
  task->steps = batch.steps;
  for (int64_t id : batch.ids) {
    const auto found = waiting_.find(id);
    --workers_[found->second->worker].running;
    ++workers_[worker].running;
    found->second->worker = worker;
    task->batch.push_back(std::move(found->second));
    waiting_.erase(found);
  }
}

absl::Status Engine::CheckGoesOn(const Job& job) const {
  if (abandon_) return Abandoned();
  return CheckWanted(job, clock_.Now());
}

void Engine::Begin(Job job, size_t worker) {
  const absl::Time start = clock_.Now();
  const absl::Duration queued = start - job.accepted_at;
  if (absl::Status status = CheckWanted(job, start); !status.ok()) {
    return Complete(&job, worker,
                    {.suggestions = std::move(status), .queue = queued});
  }
  const NetworkRegistry::Entry network = networks_.Find(job.network);
  auto sequence = Sequence::Start(&job, network.states);
  if (!sequence.ok()) {
    return Complete(&job, worker,
                    {.suggestions = std::move(sequence).status(),
                     .queue = queued,
                     .batch = 1});
  }
  (*sequence)->group = network.id;
  (*sequence)->worker = worker;
  Sequences begun;
  begun.push_back(std::move(*sequence));
  GoOn(std::move(begun));
}

void Engine::RunBatch(Sequences sequences, int steps, Parts* parts) {
  DropUnwanted(&sequences);
  if (sequences.empty()) return;
  std::vector<Sequence*> batch;
  for (const auto& sequence : sequences) batch.push_back(sequence.get());
  const absl::Time start = clock_.Now();
  absl::Status status =
      steps > 0 ? RunSteps(batch, steps, parts) : RunOutputs(batch, parts);
  const absl::Duration compute = clock_.Now() - start;
  const auto rows = static_cast<int>(batch.size());
  for (Sequence* sequence : batch) sequence->CountWork(rows, compute);
  {
    MutexLock lock(&mutex_);
    ++stats_.batches;
    stats_.batched_rows += rows;
    stats_.tokens += int64_t{rows} * steps;
    meter_.Done(rows * (steps > 0 ? steps : kTokensOfOutput), start + compute);
  }
  if (status.ok()) return GoOn(std::move(sequences));
  for (auto& sequence : sequences) Finish(std::move(sequence), status);
}

void Engine::DropUnwanted(Sequences* sequences) {
  Sequences wanted;
  for (auto& sequence : *sequences) {
    absl::Status status = CheckGoesOn(sequence->job());
    if (status.ok()) {
      wanted.push_back(std::move(sequence));
    } else {
      sequence->Abandon();
      Finish(std::move(sequence), std::move(status));
    }
  }
  *sequences = std::move(wanted);
}

void Engine::GoOn(Sequences sequences) {
  Sequences finished;
  {
    MutexLock lock(&mutex_);
    for (auto& sequence : sequences) {
      if (sequence->finished()) {
        finished.push_back(std::move(sequence));
        continue;
      }
      // What is known of its text may leave less to do than was estimated.
      Job& job = sequence->job();
      work_ahead_.Change(&job.tokens, sequence->pending() + kTokensOfOutput);
      job.due = std::min(job.due,
                         scheduler_.DueAfter(job.tokens, work_ahead_.jobs()));
      const int64_t id = next_id_++;
      scheduler_.Add(sequence->worker, {.id = id,
                                        .group = sequence->group,
                                        .pending = sequence->pending(),
                                        .question = sequence->question(),
                                        .due = job.due});
      waiting_.emplace(id, std::move(sequence));
    }
  }
  for (auto& sequence : finished) {
    Finish(std::move(sequence), absl::OkStatus());
  }
}

void Engine::Finish(std::unique_ptr<Sequence> sequence, absl::Status status) {
  JobResult result = {
      .suggestions = std::vector<Suggestion>(),
      .queue = clock_.Now() - sequence->job().accepted_at - sequence->compute(),
      .compute = sequence->compute(),
      .batch = std::max(1, sequence->largest_batch())};
  if (status.ok()) {
    result.suggestions = sequence->Suggestions();
  } else {
    result.suggestions = std::move(status);
    MutexLock lock(&mutex_);
    stats_.wasted_tokens += sequence->tokens_fed();
  }
  Job job = std::move(sequence->job());
  const size_t worker = sequence->worker;
  sequence.reset();  // gives its state back before anybody hears of it
  Complete(&job, worker, std::move(result));
}

void Engine::Complete(Job* job, size_t worker, JobResult result) {
  {
    MutexLock lock(&mutex_);
    CountRefusal(result.suggestions.status());
  }
  std::move(job->done)(std::move(result));
  MutexLock lock(&mutex_);
  --stats_.running;
  --workers_[worker].running;
  const absl::Time now = clock_.Now();
  work_ahead_.Remove(job->tokens);
  LookAtLoad(now);
  if (HasWork()) WakeOne();  // a place is free, or it was the last
}

void Engine::LookAtLoad(absl::Time now) {
  meter_.SetBusy(work_ahead_.jobs() >= admission_.full_load, now);
}

void Engine::CountRefusal(const absl::Status& status) {
  if (absl::IsResourceExhausted(status)) ++stats_.refused;
  if (absl::IsDeadlineExceeded(status)) ++stats_.expired;
  if (absl::IsCancelled(status)) ++stats_.cancelled;
}

EngineStats Engine::stats() const {
  EngineStats stats;
  {
    MutexLock lock(&mutex_);
    stats = stats_;
    stats.queue = queue_.load();
  }
  stats.cache = networks_.cache_stats();
  return stats;
}

}  // namespace carousel
