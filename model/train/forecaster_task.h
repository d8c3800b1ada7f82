// SPDX-License-Identifier: Apache-2.0
//
// `carousel-train forecaster` as a task: a file of series to windows, the
// trainer, the error on dev, the bundle.

#ifndef CAROUSEL_MODEL_TRAIN_FORECASTER_TASK_H_
#define CAROUSEL_MODEL_TRAIN_FORECASTER_TASK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/train/forecaster_config.h"
#include "model/train/training_task.h"

namespace carousel {

// A run keeps no copy of the series: Resume reads the file again, and refuses
// it (FAILED_PRECONDITION) if it is not the one that the run began with.
class ForecasterDefinition : public TaskDefinition {
 public:
  explicit ForecasterDefinition(ForecasterConfig config);

  absl::string_view name() const override { return "forecaster"; }
  const TrainingSettings& settings() const override;
  std::string SerialisedConfig() const override;
  absl::Status CheckCanResume(absl::string_view before) const override;
  absl::StatusOr<std::unique_ptr<TrainingTask>> Begin(
      const TaskContext& context) override;
  absl::StatusOr<std::unique_ptr<TrainingTask>> Resume(
      const TaskContext& context) override;

 private:
  const ForecasterConfig config_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_FORECASTER_TASK_H_
