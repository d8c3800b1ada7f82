// SPDX-License-Identifier: Apache-2.0
//
// `carousel-train classifier` as a task: labelled text to batches, the trainer,
// loss and accuracy on dev, the bundle.

#ifndef CAROUSEL_MODEL_TRAIN_CLASSIFIER_TASK_H_
#define CAROUSEL_MODEL_TRAIN_CLASSIFIER_TASK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/train/classifier_config.h"
#include "model/train/training_task.h"

namespace carousel {

class ClassifierDefinition : public TaskDefinition {
 public:
  explicit ClassifierDefinition(ClassifierConfig config);

  absl::string_view name() const override { return "classifier"; }
  const TrainingSettings& settings() const override;
  std::string SerialisedConfig() const override;
  absl::Status CheckCanResume(absl::string_view before) const override;
  absl::StatusOr<std::unique_ptr<TrainingTask>> Begin(
      const TaskContext& context) override;
  absl::StatusOr<std::unique_ptr<TrainingTask>> Resume(
      const TaskContext& context) override;

 private:
  const ClassifierConfig config_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_CLASSIFIER_TASK_H_
