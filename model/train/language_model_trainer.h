// SPDX-License-Identifier: Apache-2.0
//
// The numbers of language-model training: weights, gradients, optimiser, and
// the recurrent state carried from one stretch of text to the next (truncated
// back-propagation through time: Williams and Peng 1990). It knows no files, no
// schedule and no progress bar; training_run.h does.

#ifndef CAROUSEL_MODEL_TRAIN_LANGUAGE_MODEL_TRAINER_H_
#define CAROUSEL_MODEL_TRAIN_LANGUAGE_MODEL_TRAINER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/language_model.h"
#include "model/layers/language_model_grad.h"
#include "model/train/optimiser.h"
#include "model/weights/safetensors.h"

namespace carousel {

struct LanguageModelTrainerOptions {
  LanguageModelSizes sizes;
  int rows = 32;   // N: texts trained side by side
  int steps = 35;  // T: length of back-propagation through time

  LanguageModelDropout dropout = {.layers = 0.2f};

  // Largest norm of the whole gradient (Pascanu, Mikolov, Bengio 2013); larger
  // ones are scaled down to it. 0: never.
  float clip_norm = 0.25f;

  OptimiserOptions optimiser = {};  // decay: on matrices, not on biases

  uint64_t seed = 1;  // of the initial weights and of every dropout mask
};

// T x N tokens of text, time-major.
struct LanguageModelBatch {
  std::vector<int32_t> inputs;   // (T, N)
  std::vector<int32_t> targets;  // (T, N); kNoTarget: not counted
  std::vector<uint8_t> resets;   // (T, N); 1: the row's state is zeroed before
                                 // this step

  static constexpr int32_t kNoTarget = -1;
};

struct TrainingStepFigures {
  double loss = 0;  // mean negative log-likelihood a counted target, in nats
  int64_t targets = 0;
  double gradient_norm = 0;  // before clipping
};

// Thread-compatible; computes with as many OpenMP threads as the caller's
// thread has set. Two trainers with equal options that see equal batches hold
// the same bits, for equal numbers of threads.
class LanguageModelTrainer {
 public:
  // INVALID_ARGUMENT if an option is out of its bounds.
  static absl::StatusOr<std::unique_ptr<LanguageModelTrainer>> Create(
      const LanguageModelTrainerOptions& options);
  ~LanguageModelTrainer();

  // One step: forward, backward, clip, update, state carried on. INTERNAL if
  // the loss is not finite (the weights are then unchanged) or oneDNN refuses.
  // REQUIRES: the batch is (T, N) and its tokens are in [0, V).
  absl::StatusOr<TrainingStepFigures> Step(const LanguageModelBatch& batch,
                                           float learning_rate);

  // Forward and loss only: no dropout, neither weights nor carried state
  // change. Runs from `*state`, which it moves on (null, or a state without
  // values: from zeros).
  absl::StatusOr<TrainingStepFigures> Loss(const LanguageModelBatch& batch,
                                           RecurrentState* state);

  // Number of updates so far; part of the checkpoint.
  int64_t step() const;

  // The weights in the order of WeightSpecs(sizes), borrowed: they change with
  // the next Step.
  std::vector<Tensor> Weights() const;

  // Replaces the weights (F32 or BF16, order of WeightSpecs). INVALID_ARGUMENT,
  // naming the tensor, if a shape differs.
  absl::Status SetWeights(absl::Span<const Tensor> weights);

  // All that the next Step depends on: weights, optimiser, carried state, step
  // number. Borrowed, as Weights().
  std::vector<NamedTensor> Checkpoint() const;

  // Takes up where Checkpoint() was taken. INVALID_ARGUMENT, naming the tensor,
  // if it is of a model with other options; the trainer is then unchanged.
  absl::Status Restore(absl::Span<const NamedTensor> checkpoint);

 private:
  struct Rep;
  explicit LanguageModelTrainer(std::unique_ptr<Rep> rep);
  const std::unique_ptr<Rep> rep_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_LANGUAGE_MODEL_TRAINER_H_
