// SPDX-License-Identifier: Apache-2.0

#include "server/engine/job_queue.h"

#include <utility>

#include "model/base/status_macros.h"

namespace carousel {

absl::Status JobQueue::Push(Job* job, int64_t others, absl::Duration expected,
                            absl::Time now) {
  RETURN_IF_ERROR(Admit(limits_, load_,
                        {.tokens = job->tokens,
                         .others = others,
                         .expected = expected,
                         .deadline = job->deadline},
                        now));
  ++load_.jobs;
  load_.tokens += job->tokens;
  const int64_t due = job->due;
  jobs_.emplace(due, std::move(*job));
  return absl::OkStatus();
}

std::optional<Job> JobQueue::Pop() {
  if (jobs_.empty()) return std::nullopt;
  std::optional<Job> job = std::move(jobs_.begin()->second);
  jobs_.erase(jobs_.begin());
  --load_.jobs;
  load_.tokens -= job->tokens;
  return job;
}

}  // namespace carousel
