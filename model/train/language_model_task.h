// SPDX-License-Identifier: Apache-2.0
//
// `carousel-train language-model` as a task: text to batches, the trainer, the
// loss on dev, the bundle.

#ifndef CAROUSEL_MODEL_TRAIN_LANGUAGE_MODEL_TASK_H_
#define CAROUSEL_MODEL_TRAIN_LANGUAGE_MODEL_TASK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/train/language_model_config.h"
#include "model/train/training_task.h"

namespace carousel {

class LanguageModelDefinition : public TaskDefinition {
 public:
  explicit LanguageModelDefinition(LanguageModelConfig config);

  absl::string_view name() const override { return "language-model"; }
  const TrainingSettings& settings() const override;
  std::string SerialisedConfig() const override;
  absl::Status CheckCanResume(absl::string_view before) const override;
  absl::StatusOr<std::unique_ptr<TrainingTask>> Begin(
      const TaskContext& context) override;
  absl::StatusOr<std::unique_ptr<TrainingTask>> Resume(
      const TaskContext& context) override;

 private:
  const LanguageModelConfig config_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_LANGUAGE_MODEL_TASK_H_
