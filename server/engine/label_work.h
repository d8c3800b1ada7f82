// SPDX-License-Identifier: Apache-2.0
//
// A text to be labelled as work. It is read as a whole (in both directions,
// perhaps), side by side with texts of about its length; or by itself, if it is
// to be explained.

#ifndef CAROUSEL_SERVER_ENGINE_LABEL_WORK_H_
#define CAROUSEL_SERVER_ENGINE_LABEL_WORK_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/tasks/label_explanation.h"
#include "server/engine/job.h"
#include "server/engine/work.h"

namespace carousel {

class LabelWork final : public Work {
 public:
  explicit LabelWork(LabelJob job)
      : Work({job.deadline, job.cancelled, job.bulk}), job_(std::move(job)) {}

  int64_t EstimateTokens() const override;
  absl::Status Begin(NetworkRegistry* networks) override;
  bool finished() const override {
    return !answer_.classification.probabilities.empty();
  }

  // Those whose lengths are rounded up to the same number of steps go together:
  // at most a quarter of a text's steps is padding.
  ReadySequence next() const override;

  absl::Status Run(absl::Span<Work* const> batch, int steps, Parts* parts,
                   Look look) override;
  int64_t tokens_fed() const override { return fed_; }
  void Complete(absl::Status status, const JobReport& report) override;

 private:
  absl::Status Explain(Parts* parts, Look look);

  LabelJob job_;
  WholeText text_;                           // unless it is to be explained
  std::optional<LabelExplainer> explainer_;  // if it is
  LabelAnswer answer_;
  int64_t fed_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_LABEL_WORK_H_
