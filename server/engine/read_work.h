// SPDX-License-Identifier: Apache-2.0
//
// A text whose tokens are asked for, as work: it is cut like any other, by a
// worker, and nothing is computed.

#ifndef CAROUSEL_SERVER_ENGINE_READ_WORK_H_
#define CAROUSEL_SERVER_ENGINE_READ_WORK_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/engine/job.h"
#include "server/engine/work.h"

namespace carousel {

class ReadWork final : public Work {
 public:
  explicit ReadWork(ReadJob job)
      : Work({job.deadline, job.cancelled}), job_(std::move(job)) {}

  int64_t EstimateTokens() const override;
  absl::Status Begin(NetworkRegistry* networks) override;
  bool finished() const override { return true; }
  void Complete(absl::Status status, const JobReport& report) override;
  int64_t tokens_fed() const override { return 0; }

  // Never called: it is finished when it is begun.
  ReadySequence next() const override;
  absl::Status Run(absl::Span<Work* const> batch, int steps, Parts* parts,
                   Look look) override;

 private:
  ReadJob job_;
  ReadAnswer answer_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_READ_WORK_H_
