// SPDX-License-Identifier: Apache-2.0

#include "server/engine/job_queue.h"

#include <utility>

#include "model/base/status_macros.h"

namespace carousel {

absl::Status JobQueue::Push(Job* job, absl::Time now) {
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(Admit(
      limits_, load_, {.tokens = job->tokens, .deadline = job->deadline}, now));
  ++load_.jobs;
  load_.tokens += job->tokens;
  jobs_.push_back(std::move(*job));
  changed_.NotifyOne();
  return absl::OkStatus();
}

std::optional<Job> JobQueue::Pop() {
  MutexLock lock(&mutex_);
  while (jobs_.empty() && !load_.closed) changed_.Wait(&mutex_);
  return TakeFront();
}

std::optional<Job> JobQueue::TryPop() {
  MutexLock lock(&mutex_);
  return TakeFront();
}

std::optional<Job> JobQueue::TakeFront() {
  if (jobs_.empty()) return std::nullopt;
  std::optional<Job> job = std::move(jobs_.front());
  jobs_.pop_front();
  --load_.jobs;
  load_.tokens -= job->tokens;
  return job;
}

void JobQueue::Close() {
  MutexLock lock(&mutex_);
  load_.closed = true;
  changed_.NotifyAll();
}

QueueLoad JobQueue::load() const {
  MutexLock lock(&mutex_);
  return load_;
}

}  // namespace carousel
