// SPDX-License-Identifier: Apache-2.0
//
// A completion as work: it is fed step by step.

#ifndef CAROUSEL_SERVER_ENGINE_COMPLETION_WORK_H_
#define CAROUSEL_SERVER_ENGINE_COMPLETION_WORK_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/engine/job.h"
#include "server/engine/sequence.h"
#include "server/engine/work.h"

namespace carousel {

class CompletionWork final : public Work {
 public:
  explicit CompletionWork(Job job)
      : Work({job.deadline, job.cancelled}), job_(std::move(job)) {}

  int64_t EstimateTokens() const override;
  absl::Status Begin(NetworkRegistry* networks) override;
  bool finished() const override { return sequence_->finished(); }
  ReadySequence next() const override;
  absl::Status Run(absl::Span<Work* const> batch, int steps, Parts* parts,
                   Look look) override;
  void Abandon() override { sequence_->Abandon(); }
  int64_t tokens_fed() const override;
  void Complete(absl::Status status, const JobReport& report) override;

 private:
  Job job_;                             // until it is begun
  std::unique_ptr<Sequence> sequence_;  // from then on
  int64_t group_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_COMPLETION_WORK_H_
