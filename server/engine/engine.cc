// SPDX-License-Identifier: Apache-2.0

#include "server/engine/engine.h"

#include <omp.h>

#include <algorithm>
#include <utility>

#include "model/base/thread_policy.h"

namespace carousel {
namespace {

// Jobs of each worker from which on its batches are large: a token of 8 rows
// costs a third of one of a single row, and hardly more than one of 64.
constexpr int64_t kFullBatch = 8;

// Jobs that are begun before those that are there go on, unless all are of
// bulk: to cut a long text into tokens takes as long as some of its steps.
constexpr int kMostBegun = 8;

// Tokens left for each worker from which on it lets other threads in after each
// batch. With less it is soon done, and they take in several calls at a time
// when it is; behind more of it a short job would wait for one time slice of
// the system to be taken in, and for another to be answered.
constexpr int64_t kBacklog = 1024;

AdmissionLimits LimitsOf(const EngineOptions& options) {
  AdmissionLimits limits = options.admission;
  limits.full_load = kFullBatch * std::max(1, options.workers);
  limits.max_bulk_jobs = options.max_sequences;
  return limits;
}

// Of a batch of so many steps; 0: of what is due.
int64_t CellsOf(absl::Span<Work* const> batch, int steps) {
  int64_t cells = 0;
  for (const Work* work : batch) {
    cells += steps > 0 ? steps : work->next().cells;
  }
  return cells;
}

int64_t TokensFed(absl::Span<Work* const> batch) {
  int64_t tokens = 0;
  for (const Work* work : batch) tokens += work->tokens_fed();
  return tokens;
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
    threads_.emplace_back([this, i] { RunWorker(i); });
  }
}

Engine::~Engine() { Drain(absl::InfinitePast()); }

void Engine::SubmitWork(std::unique_ptr<Work> work) {
  const int64_t tokens = work->tokens = work->EstimateTokens();
  const absl::Time now = work->accepted_at = clock_.Now();
  const bool bulk = work->terms().bulk;
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    work->due = scheduler_.DueAfter(tokens, work_ahead_.jobs() + 1);
    status = queue_.Push(&work,
                         {.tokens = tokens,
                          .others = work_ahead_.jobs(),
                          .expected = meter_.TimeFor(work_ahead_.Until(tokens)),
                          .deadline = work->terms().deadline,
                          .bulk = bulk,
                          .bulk_jobs = bulk_jobs_},
                         now);
    if (status.ok()) {
      bulk_jobs_ += bulk;
      work_ahead_.Add(tokens);
      LookAtLoad(now);
      WakeOne();
    }
    if (!bulk) CountRefusal(status);  // whose caller waits instead
  }
  if (!status.ok()) work->Complete(std::move(status), {});
}

void Engine::Drain(absl::Time deadline) {
  Works left;
  {
    MutexLock lock(&mutex_);
    queue_.Close();
    WakeAll();
    while (alive_ > 0 && worker_ended_.WaitUntil(&mutex_, deadline)) {
    }
    abandon_ = true;
    while (std::unique_ptr<Work> work = queue_.Pop()) {
      work_ahead_.Remove(work->tokens);
      bulk_jobs_ -= work->terms().bulk;
      left.push_back(std::move(work));
    }
    WakeAll();
  }
  for (const auto& work : left) {
    work->Complete(Abandoned(), {.queue = clock_.Now() - work->accepted_at});
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Engine::RunWorker(size_t worker) {
  // First of all: oneDNN fixes the number of threads of a kernel when it makes
  // it, and several threads a worker only get in each other's way.
  omp_set_num_threads(1);
  InterruptOthers();
  SharedParts parts(&board_);
  while (true) {
    Task task = NextTask(worker);
    switch (task.kind) {
      case Task::Kind::kBegin:
        Begin(std::move(task.job), worker);
        continue;
      case Task::Kind::kBatch:
        RunBatch(std::move(task.batch), task.steps, &parts);
        if (task.give_way) GiveWay();
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
  } else if (CanBegin(worker) && (scheduler_.empty() || OnlyBulk() ||
                                  workers_[worker].begun < kMostBegun)) {
    ++workers_[worker].begun;
    task.kind = Task::Kind::kBegin;
    task.job = queue_.Pop();
    ++stats_.running;
    running_bulk_ += task.job->terms().bulk;
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
  return HasPlace() || !scheduler_.empty() || board_.HasWork() || IsOver();
}

void Engine::DoChores(size_t worker, PartScratch* scratch) {
  std::vector<Chore> chores;
  {
    MutexLock lock(&mutex_);
    chores.swap(workers_[worker].chores);
  }
  for (const Chore& chore : chores) chore(scratch);
}

// No worker takes more than its share: the others would take them from it.
// Some worker has less than its share as long as jobs wait.
bool Engine::CanBegin(size_t worker) const {
  if (!HasPlace()) return false;
  return int64_t{workers_[worker].running} * options_.workers <
         stats_.running + queue_.load().jobs;
}

bool Engine::OnlyBulk() const {
  return queue_.OnlyBulk() && running_bulk_ == stats_.running;
}

// Bulk has as many places as all others, and takes none of theirs.
bool Engine::HasPlace() const {
  if (queue_.empty()) return false;
  return queue_.NextIsBulk() ||
         stats_.running - running_bulk_ < options_.max_sequences;
}

bool Engine::IsOver() const {
  return queue_.load().closed && queue_.empty() && stats_.running == 0;
}

void Engine::TakeBatch(size_t worker, Task* task) {
  const StepBatch batch = scheduler_.Next(worker, !queue_.OnlyBulk());
  task->steps = batch.steps;
  task->give_way = work_ahead_.tokens() > kBacklog * options_.workers;
  for (int64_t id : batch.ids) {
    const auto found = waiting_.find(id);
    --workers_[found->second->worker].running;
    ++workers_[worker].running;
    found->second->worker = worker;
    task->batch.push_back(std::move(found->second));
    waiting_.erase(found);
  }
}

absl::Status Engine::CheckGoesOn(const Work& work) const {
  if (abandon_) return Abandoned();
  return CheckWanted(work.terms(), clock_.Now());
}

// OK as long as somebody waits for any of them.
absl::Status Engine::CheckAnyGoesOn(absl::Span<Work* const> batch) const {
  absl::Status status;
  for (const Work* work : batch) {
    status = CheckGoesOn(*work);
    if (status.ok()) break;
  }
  return status;
}

void Engine::Begin(std::unique_ptr<Work> work, size_t worker) {
  work->worker = worker;
  absl::Status status = CheckWanted(work->terms(), clock_.Now());
  if (status.ok()) {
    status = work->Begin(&networks_);
    work->largest_batch = 1;
  }
  if (!status.ok()) return Finish(std::move(work), std::move(status));
  Works begun;
  begun.push_back(std::move(work));
  GoOn(std::move(begun));
}

void Engine::RunBatch(Works works, int steps, Parts* parts) {
  DropUnwanted(&works);
  if (works.empty()) return;
  std::vector<Work*> batch;
  for (const auto& work : works) batch.push_back(work.get());
  const auto rows = static_cast<int>(batch.size());
  const int64_t cells = CellsOf(batch, steps);
  const int64_t fed_before = TokensFed(batch);
  const absl::Time start = clock_.Now();
  const absl::Status status = batch.front()->Run(
      batch, steps, parts, [&] { return CheckAnyGoesOn(batch); });
  const absl::Time end = clock_.Now();
  for (Work* work : batch) {
    work->largest_batch = std::max(work->largest_batch, rows);
    work->compute += end - start;
  }
  {
    MutexLock lock(&mutex_);
    ++stats_.batches;
    stats_.batched_rows += rows;
    stats_.tokens += TokensFed(batch) - fed_before;
    if (status.ok()) meter_.Done(cells, end);
  }
  if (status.ok()) return GoOn(std::move(works));
  for (auto& work : works) {
    const absl::Status own = CheckGoesOn(*work);
    Finish(std::move(work), own.ok() ? status : own);
  }
}

void Engine::DropUnwanted(Works* works) {
  Works wanted;
  for (auto& work : *works) {
    absl::Status status = CheckGoesOn(*work);
    if (status.ok()) {
      wanted.push_back(std::move(work));
    } else {
      work->Abandon();
      Finish(std::move(work), std::move(status));
    }
  }
  *works = std::move(wanted);
}

void Engine::GoOn(Works works) {
  Works finished;
  {
    MutexLock lock(&mutex_);
    for (auto& work : works) {
      if (work->finished()) {
        finished.push_back(std::move(work));
        continue;
      }
      ReadySequence ready = work->next();
      // What is known of its text may leave less to do than was estimated.
      work_ahead_.Change(&work->tokens, ready.left > 0
                                            ? ready.left
                                            : ready.pending + ready.cells);
      work->due = std::min(
          work->due, scheduler_.DueAfter(work->tokens, work_ahead_.jobs()));
      ready.id = next_id_++;
      ready.bulk = work->terms().bulk;
      ready.due = work->due;
      ready.fed = work->tokens_fed();
      scheduler_.Add(work->worker, ready);
      waiting_.emplace(ready.id, std::move(work));
    }
  }
  for (auto& work : finished) {
    absl::Status error = work->error();
    Finish(std::move(work), std::move(error));
  }
}

void Engine::Finish(std::unique_ptr<Work> work, absl::Status status) {
  {
    MutexLock lock(&mutex_);
    if (!status.ok()) stats_.wasted_tokens += work->tokens_fed();
    CountRefusal(status);
  }
  const JobReport report = {
      .queue = clock_.Now() - work->accepted_at - work->compute,
      .compute = work->compute,
      .batch = work->largest_batch};
  work->Complete(std::move(status), report);
  MutexLock lock(&mutex_);
  --stats_.running;
  running_bulk_ -= work->terms().bulk;
  bulk_jobs_ -= work->terms().bulk;
  --workers_[work->worker].running;
  work_ahead_.Remove(work->tokens);
  LookAtLoad(clock_.Now());
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

}  // namespace carousel
