// SPDX-License-Identifier: Apache-2.0
//
// How well a model in training does on text that it is not trained on.

#ifndef CAROUSEL_MODEL_TRAIN_DEV_LOSS_H_
#define CAROUSEL_MODEL_TRAIN_DEV_LOSS_H_

#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "model/train/corpus.h"
#include "model/train/language_model_config.h"
#include "model/train/language_model_trainer.h"

namespace carousel {

// Mean negative log-likelihood of a token of `dev`, in nats: every word and
// every end of a line. In `line` context it is exact. In `stream` context the
// text is read in as many parts as there are rows, each from a zero state,
// which comes out slightly worse than reading it in one go (`carousel-train
// evaluate` does that).
//
// Calls `on_progress` with the share that is done; it returns whether to go on.
// Nothing is returned if not.
absl::StatusOr<std::optional<double>> DevLoss(
    LanguageModelTrainer* trainer, const LanguageModelConfig& config,
    const std::shared_ptr<const Corpus>& dev,
    const std::function<bool(double done)>& on_progress);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DEV_LOSS_H_
