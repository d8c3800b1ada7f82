// SPDX-License-Identifier: Apache-2.0

#include "server/engine/engine.h"

#include <omp.h>

#include <optional>
#include <utility>

#include "server/engine/completion_run.h"

namespace carousel {
namespace {

absl::Status Abandoned() {
  return absl::UnavailableError(
      "the server stopped before the answer was computed; retry elsewhere");
}

}  // namespace

Engine::Engine(const EngineOptions& options, const Clock& clock)
    : clock_(clock), queue_(options.admission), alive_(options.workers) {
  for (int i = 0; i < options.workers; ++i) {
    workers_.emplace_back([this] { Work(); });
  }
}

Engine::~Engine() { Drain(absl::InfinitePast()); }

void Engine::Submit(Job job) {
  job.tokens = EstimateTokens(job.text.size(), job.options.max_context_tokens);
  job.accepted_at = clock_.Now();
  absl::Status status = queue_.Push(&job, job.accepted_at);
  if (status.ok()) return;
  Count(status);
  std::move(job.done)({.suggestions = std::move(status)});
}

void Engine::Drain(absl::Time deadline) {
  queue_.Close();
  {
    MutexLock lock(&mutex_);
    while (alive_ > 0 && worker_ended_.WaitUntil(&mutex_, deadline)) {
    }
  }
  abandon_ = true;
  while (std::optional<Job> job = queue_.TryPop()) {
    std::move(job->done)(
        {.suggestions = Abandoned(), .queue = clock_.Now() - job->accepted_at});
  }
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void Engine::Work() {
  // First of all: oneDNN fixes the number of threads of a kernel when it makes
  // it, and several threads a worker only get in each other's way.
  omp_set_num_threads(1);
  LanguageModel::Workspace workspace;
  while (std::optional<Job> job = queue_.Pop()) {
    ++running_;
    JobResult result = Run(&*job, &workspace);
    --running_;
    std::move(job->done)(std::move(result));
  }
  MutexLock lock(&mutex_);
  --alive_;
  worker_ended_.NotifyAll();
}

JobResult Engine::Run(Job* job, LanguageModel::Workspace* workspace) {
  const absl::Time start = clock_.Now();
  JobResult result;
  result.queue = start - job->accepted_at;
  if (absl::Status status = CheckWanted(*job, start); !status.ok()) {
    Count(status);
    result.suggestions = std::move(status);
    return result;
  }
  const auto check = [&]() -> absl::Status {
    if (abandon_) return Abandoned();
    return CheckWanted(*job, clock_.Now());
  };
  int64_t fed = 0;
  result.suggestions = RunCompletion(*job, check, workspace, &fed);
  result.compute = clock_.Now() - start;
  result.batch = 1;
  tokens_ += fed;
  if (!result.suggestions.ok()) wasted_tokens_ += fed;
  Count(result.suggestions.status());
  return result;
}

void Engine::Count(const absl::Status& status) {
  if (absl::IsResourceExhausted(status)) ++refused_;
  if (absl::IsDeadlineExceeded(status)) ++expired_;
  if (absl::IsCancelled(status)) ++cancelled_;
}

EngineStats Engine::stats() const {
  return {.queue = queue_.load(),
          .running = running_,
          .refused = refused_,
          .expired = expired_,
          .cancelled = cancelled_,
          .tokens = tokens_,
          .wasted_tokens = wasted_tokens_};
}

}  // namespace carousel
