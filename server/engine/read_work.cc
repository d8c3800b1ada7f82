// SPDX-License-Identifier: Apache-2.0

#include "server/engine/read_work.h"

#include <limits>

#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "server/engine/admission.h"

namespace carousel {

int64_t ReadWork::EstimateTokens() const {
  return carousel::EstimateTokens(job_.text.size(),
                                  std::numeric_limits<int>::max());
}

absl::Status ReadWork::Begin(NetworkRegistry* networks) {
  ASSIGN_OR_RETURN(answer_.text,
                   ReadTextTokens(*job_.model, job_.text, job_.max_source));
  if (job_.model->task() != Task::kLanguageModel) return absl::OkStatus();
  const auto states = networks->FindKnown(&job_.model->network());
  if (states == nullptr) return absl::OkStatus();
  answer_.cached = states->cache.KnownLength(answer_.text.ids());
  return absl::OkStatus();
}

void ReadWork::Complete(absl::Status status, const JobReport& report) {
  if (!status.ok()) return std::move(job_.done)(std::move(status), report);
  std::move(job_.done)(std::move(answer_), report);
}

ReadySequence ReadWork::next() const {
  CAROUSEL_CHECK(false && "finished when it is begun");
  return {};
}

absl::Status ReadWork::Run(absl::Span<Work* const>, int, Parts*, Look) {
  CAROUSEL_CHECK(false && "finished when it is begun");
  return absl::InternalError("");
}

}  // namespace carousel
