// SPDX-License-Identifier: Apache-2.0
#include "model/train/dev_loss.h"

#include <cstdint>

#include "model/base/status_macros.h"
#include "model/train/batch_stream.h"

namespace carousel {
absl::StatusOr<std::optional<double>> DevLoss(
    LanguageModelTrainer* trainer, const LanguageModelConfig& config,
    const std::shared_ptr<const Corpus>& dev,
    const std::function<bool(double done)>& on_progress) {
  BatchStream batches(dev, {.context = config.context,
                            .rows = config.trainer.rows,
                            .steps = config.trainer.steps,
                            .training = false});
  RecurrentState state;
  LanguageModelBatch batch;
  double loss = 0;
  int64_t tokens = 0;
  while (batches.Next(&batch)) {
    ASSIGN_OR_RETURN(const TrainingStepFigures figures,
                     trainer->Loss(batch, &state));
    loss += figures.loss * static_cast<double>(figures.targets);
    tokens += figures.targets;
    const double done =
        static_cast<double>(tokens) / static_cast<double>(dev->tokens().size());
    if (!on_progress(done)) return std::optional<double>();
  }
  return std::optional<double>(loss / static_cast<double>(tokens));
}

}  // namespace carousel
