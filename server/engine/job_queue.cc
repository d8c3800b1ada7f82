// SPDX-License-Identifier: Apache-2.0

#include "server/engine/job_queue.h"

#include <utility>

#include "model/base/status_macros.h"

namespace carousel {

absl::Status JobQueue::Push(std::unique_ptr<Work>* job, const JobFacts& facts,
                            absl::Time now) {
  RETURN_IF_ERROR(Admit(limits_, load_, facts, now));
  const Work& work = **job;
  ++load_.jobs;
  bulk_ += facts.bulk;
  load_.tokens += work.tokens;
  jobs_.emplace(work.due, std::move(*job));
  return absl::OkStatus();
}

std::unique_ptr<Work> JobQueue::Pop() {
  if (jobs_.empty()) return nullptr;
  std::unique_ptr<Work> job = std::move(jobs_.begin()->second);
  jobs_.erase(jobs_.begin());
  --load_.jobs;
  bulk_ -= job->terms().bulk;
  load_.tokens -= job->tokens;
  return job;
}

}  // namespace carousel
