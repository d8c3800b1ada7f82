// SPDX-License-Identifier: Apache-2.0

#include "server/engine/job_queue.h"

#include <utility>

#include "model/base/status_macros.h"

namespace carousel {

absl::Status JobQueue::Push(std::unique_ptr<Work>* job, int64_t others,
                            absl::Duration expected, absl::Time now) {
  const Work& work = **job;
  RETURN_IF_ERROR(Admit(limits_, load_,
                        {.tokens = work.tokens,
                         .others = others,
                         .expected = expected,
                         .deadline = work.terms().deadline,
                         .bulk = work.terms().bulk},
                        now));
  ++load_.jobs;
  load_.tokens += work.tokens;
  jobs_.emplace(work.due, std::move(*job));
  return absl::OkStatus();
}

std::unique_ptr<Work> JobQueue::Pop() {
  if (jobs_.empty()) return nullptr;
  std::unique_ptr<Work> job = std::move(jobs_.begin()->second);
  jobs_.erase(jobs_.begin());
  --load_.jobs;
  load_.tokens -= job->tokens;
  return job;
}

}  // namespace carousel
