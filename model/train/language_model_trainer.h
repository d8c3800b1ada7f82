// SPDX-License-Identifier: Apache-2.0
//
// The numbers of language-model training: a network with its trainer, and the
// recurrent state carried from one stretch of text to the next (truncated
// back-propagation through time: Williams and Peng 1990). It knows no files, no
// schedule and no progress bar; language_model_task.h does.

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
#include "model/onednn/precision.h"
#include "model/train/communicator.h"
#include "model/train/trainer.h"
#include "model/weights/safetensors.h"

namespace carousel {

struct LanguageModelTrainerOptions {
  LanguageModelSizes sizes;
  int rows = 32;   // N: texts trained side by side
  int steps = 35;  // T: length of back-propagation through time

  // The rows are computed in so many parts, one after the other: less memory
  // for the same numbers.
  int accumulate = 1;

  LanguageModelDropout dropout = {.layers = 0.2f};
  Precision precision = Precision::kF32;  // of the matrix products

  // Share of a target's probability that is spread over the vocabulary, in
  // training alone: the losses that Step says are with it.
  float label_smoothing = 0;

  TrainerOptions trainer;
};

// T x N tokens of text, time-major.
struct LanguageModelBatch {
  std::vector<int32_t> inputs;   // (T, N)
  std::vector<int32_t> targets;  // (T, N); kNoTarget: not counted
  std::vector<uint8_t> resets;   // (T, N); 1: the row's state is zeroed before
                                 // this step

  static constexpr int32_t kNoTarget = -1;
};

// Thread-compatible; computes with as many OpenMP threads as the caller's
// thread has set. Two trainers with equal options that see equal batches hold
// the same bits, for equal numbers of threads.
//
// With several ranks every one of them is given the whole batch, and computes
// its own rows of it; all calls but the plain accessors are collective.
class LanguageModelTrainer {
 public:
  // States of the rows that this process computes, part by part; empty: zeros.
  using States = std::vector<RecurrentState>;

  // INVALID_ARGUMENT if an option is out of its bounds, or there are too few
  // rows for the parts and ranks.
  static absl::StatusOr<std::unique_ptr<LanguageModelTrainer>> Create(
      const LanguageModelTrainerOptions& options,
      Communicator* communicator = &Communicator::Alone());
  ~LanguageModelTrainer();

  // One step: forward, backward, update, state carried on. Errors as
  // Trainer::Step; nothing is changed then.
  // REQUIRES: the batch is (T, N) and its tokens are in [0, V).
  absl::StatusOr<TrainingStepFigures> Step(const LanguageModelBatch& batch,
                                           float learning_rate);

  // Forward and loss only, with Weights(): no dropout, neither weights nor
  // carried state change. Runs from `*states`, which it moves on.
  absl::StatusOr<TrainingStepFigures> Loss(const LanguageModelBatch& batch,
                                           States* states);

  // Number of updates so far; part of the checkpoint.
  int64_t step() const;

  // As Trainer's.
  std::vector<Tensor> Weights() const;
  std::vector<NamedTensor> NamedWeights() const;
  absl::Status SetWeights(absl::Span<const Tensor> weights);
  absl::Status SetNamedWeights(absl::Span<const NamedTensor> weights);
  void StartAveraging();

  // All that the next Step depends on: the trainer's numbers and the carried
  // state of all rows, on whatever rank. Valid until the next call.
  absl::StatusOr<std::vector<NamedTensor>> Checkpoint();

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
