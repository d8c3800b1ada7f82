// SPDX-License-Identifier: Apache-2.0

#include "server/engine/engine.h"

#include <omp.h>

#include <algorithm>
#include <utility>

#include "server/engine/step_runner.h"
#include "server/engine/warm_up.h"

namespace carousel {
namespace {

absl::Status Abandoned() {
  return absl::UnavailableError(
      "the server stopped before the answer was computed; retry elsewhere");
}

}  // namespace

Engine::Engine(const EngineOptions& options, const Clock& clock)
    : options_(options),
      clock_(clock),
      networks_(options.prefix_cache_bytes),
      board_(options.workers,
             [this] {
               MutexLock lock(&mutex_);
               work_.NotifyOne();
             }),
      queue_(options.admission),
      scheduler_(options.steps),
      chores_(static_cast<size_t>(options.workers)),
      alive_(options.workers) {
  for (size_t i = 0; i < static_cast<size_t>(options.workers); ++i) {
    workers_.emplace_back([this, i] { Work(i); });
  }
}

Engine::~Engine() { Drain(absl::InfinitePast()); }

void Engine::Submit(Job job) {
  job.tokens = EstimateTokens(job.text.size(), job.options.max_context_tokens);
  job.accepted_at = clock_.Now();
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    const absl::Duration expected =
        meter_.TimeFor(queue_.load().tokens + running_tokens_ + job.tokens);
    status = queue_.Push(&job, expected, job.accepted_at);
    if (status.ok()) meter_.SetBusy(true, job.accepted_at);
    CountRefusal(status);
    work_.NotifyOne();
  }
  if (!status.ok()) std::move(job.done)({.suggestions = std::move(status)});
}

void Engine::Drain(absl::Time deadline) {
  std::vector<Job> left;
  {
    MutexLock lock(&mutex_);
    queue_.Close();
    work_.NotifyAll();
    while (alive_ > 0 && worker_ended_.WaitUntil(&mutex_, deadline)) {
    }
    abandon_ = true;
    while (std::optional<Job> job = queue_.Pop()) {
      left.push_back(std::move(*job));
    }
    work_.NotifyAll();
  }
  for (Job& job : left) {
    std::move(job.done)(
        {.suggestions = Abandoned(), .queue = clock_.Now() - job.accepted_at});
  }
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void Engine::Work(size_t worker) {
  // First of all: oneDNN fixes the number of threads of a kernel when it makes
  // it, and several threads a worker only get in each other's way.
  omp_set_num_threads(1);
  SharedParts parts(&board_);
  while (true) {
    Task task = NextTask(worker);
    switch (task.kind) {
      case Task::Kind::kBegin:
        Begin(*std::move(task.job));
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

// Jobs are begun before batches are computed: those that come together then go
// together. Others are helped last: with work of one's own nobody waits for
// anybody.
Engine::Task Engine::NextTask(size_t worker) {
  MutexLock lock(&mutex_);
  while (!HasTask(worker)) {
    board_.SetIdle(true);
    work_.Wait(&mutex_);
    board_.SetIdle(false);
  }
  Task task;
  if (!chores_[worker].empty()) {
    task.kind = Task::Kind::kChore;
  } else if (CanBegin()) {
    task.kind = Task::Kind::kBegin;
    task.job = queue_.Pop();
    ++stats_.running;
    running_tokens_ += task.job->tokens;
  } else if (!scheduler_.empty()) {
    task.kind = Task::Kind::kBatch;
    TakeBatch(&task);
  } else if (!IsOver()) {
    task.kind = Task::Kind::kHelp;  // if others have left any
  }
  // One call wakes one worker; what is left is for the next.
  if (CanBegin() || !scheduler_.empty() || board_.HasWork() || IsOver()) {
    work_.NotifyOne();
  }
  return task;
}

bool Engine::HasTask(size_t worker) const {
  return !chores_[worker].empty() || CanBegin() || !scheduler_.empty() ||
         board_.HasWork() || IsOver();
}

void Engine::DoChores(size_t worker, PartScratch* scratch) {
  std::vector<Chore> chores;
  {
    MutexLock lock(&mutex_);
    chores.swap(chores_[worker]);
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
    for (std::vector<Chore>& chores : chores_) chores.push_back(chore);
    work_.NotifyAll();
  }
  MutexLock lock(&mutex);
  while (left > 0) ended.Wait(&mutex);
  return result;
}

// As in the queue, a job of any size may run by itself.
bool Engine::CanBegin() const {
  if (queue_.empty() || stats_.running >= options_.max_sequences) return false;
  return stats_.running == 0 || running_tokens_ + queue_.front().tokens <=
                                    options_.admission.max_queue_tokens;
}

bool Engine::IsOver() const {
  return queue_.load().closed && queue_.empty() && stats_.running == 0;
}

void Engine::TakeBatch(Task* task) {
  const StepBatch batch = scheduler_.Next();
  task->steps = batch.steps;
  for (int64_t id : batch.ids) {
    const auto found = waiting_.find(id);
    task->batch.push_back(std::move(found->second));
    waiting_.erase(found);
  }
}

absl::Status Engine::CheckGoesOn(const Job& job) const {
  if (abandon_) return Abandoned();
  return CheckWanted(job, clock_.Now());
}

void Engine::Begin(Job job) {
  const absl::Time start = clock_.Now();
  const absl::Duration queued = start - job.accepted_at;
  if (absl::Status status = CheckWanted(job, start); !status.ok()) {
    return Complete(&job, {.suggestions = std::move(status), .queue = queued});
  }
  const NetworkRegistry::Entry network = networks_.Find(job.network);
  auto sequence = Sequence::Start(&job, network.states);
  if (!sequence.ok()) {
    return Complete(&job, {.suggestions = std::move(sequence).status(),
                           .queue = queued,
                           .batch = 1});
  }
  (*sequence)->group = network.id;
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
      const int64_t id = next_id_++;
      scheduler_.Add({.id = id,
                      .group = sequence->group,
                      .pending = sequence->pending(),
                      .question = sequence->question()});
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
  sequence.reset();  // gives its state back before anybody hears of it
  Complete(&job, std::move(result));
}

void Engine::Complete(Job* job, JobResult result) {
  const bool answered = result.suggestions.ok();
  {
    MutexLock lock(&mutex_);
    CountRefusal(result.suggestions.status());
  }
  std::move(job->done)(std::move(result));
  MutexLock lock(&mutex_);
  --stats_.running;
  running_tokens_ -= job->tokens;
  const absl::Time now = clock_.Now();
  meter_.Done(answered ? job->tokens : 0, now);
  if (stats_.running == 0 && queue_.empty()) meter_.SetBusy(false, now);
  // A place is free, or it was the last.
  work_.NotifyOne();
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
