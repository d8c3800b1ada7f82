// SPDX-License-Identifier: Apache-2.0
//
// `carousel-train translator` as a task: pairs of texts to batches, the
// trainer, loss and BLEU on dev, the bundle.

#ifndef CAROUSEL_MODEL_TRAIN_TRANSLATOR_TASK_H_
#define CAROUSEL_MODEL_TRAIN_TRANSLATOR_TASK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/train/training_task.h"
#include "model/train/translator_config.h"

namespace carousel {

class TranslatorDefinition : public TaskDefinition {
 public:
  explicit TranslatorDefinition(TranslatorConfig config);

  absl::string_view name() const override { return "translator"; }
  const TrainingSettings& settings() const override;
  std::string SerialisedConfig() const override;
  absl::Status CheckCanResume(absl::string_view before) const override;
  absl::StatusOr<std::unique_ptr<TrainingTask>> Begin(
      const TaskContext& context) override;
  absl::StatusOr<std::unique_ptr<TrainingTask>> Resume(
      const TaskContext& context) override;

 private:
  const TranslatorConfig config_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRANSLATOR_TASK_H_
