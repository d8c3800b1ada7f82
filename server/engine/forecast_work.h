// SPDX-License-Identifier: Apache-2.0
//
// A history to be continued as work. Its window is read as a whole, side by
// side with those of the same model that are to be continued by as many steps.

#ifndef CAROUSEL_SERVER_ENGINE_FORECAST_WORK_H_
#define CAROUSEL_SERVER_ENGINE_FORECAST_WORK_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/forecaster.h"
#include "server/engine/job.h"
#include "server/engine/work.h"

namespace carousel {

// What a forecast costs: steps that are read and steps that are made.
int ForecastCells(const ForecasterSizes& sizes, int steps);

class ForecastWork final : public Work {
 public:
  explicit ForecastWork(ForecastJob job)
      : Work({job.deadline, job.cancelled}), job_(std::move(job)) {}

  // Wide histories take more memory than time: they count for it, so that the
  // bound of the queue is one of memory, too.
  int64_t EstimateTokens() const override;

  absl::Status Begin(NetworkRegistry* networks) override;
  bool finished() const override { return forecast_.has_value(); }
  ReadySequence next() const override;
  absl::Status Run(absl::Span<Work* const> batch, int steps, Parts* parts,
                   Look look) override;
  int64_t tokens_fed() const override { return fed_; }
  void Complete(absl::Status status, const JobReport& report) override;

 private:
  const ForecasterSizes& sizes() const;

  ForecastJob job_;
  std::vector<float> window_;  // in the units of the network
  std::optional<absl::StatusOr<std::vector<float>>> forecast_;
  int64_t fed_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_FORECAST_WORK_H_
