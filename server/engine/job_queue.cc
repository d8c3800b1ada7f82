// SPDX-License-Identifier: Apache-2.0

#include "server/engine/job_queue.h"

#include <utility>

#include "model/base/status_macros.h"

namespace carousel {

absl::Status JobQueue::Push(Job* job, absl::Duration expected, absl::Time now) {
  RETURN_IF_ERROR(Admit(
      limits_, load_,
      {.tokens = job->tokens, .expected = expected, .deadline = job->deadline},
      now));
  ++load_.jobs;
  load_.tokens += job->tokens;
  jobs_.push_back(std::move(*job));
  return absl::OkStatus();
}

std::optional<Job> JobQueue::Pop() {
  if (jobs_.empty()) return std::nullopt;
  std::optional<Job> job = std::move(jobs_.front());
  jobs_.pop_front();
  --load_.jobs;
  load_.tokens -= job->tokens;
  return job;
}

}  // namespace carousel
