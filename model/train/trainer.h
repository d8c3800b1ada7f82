// SPDX-License-Identifier: Apache-2.0
//
// The numbers of training whatever the network: weights, their gradient, the
// optimiser. A network brings its list of weights and, for each step, passes
// that add to the gradient; how it does that is its own affair.

#ifndef CAROUSEL_MODEL_TRAIN_TRAINER_H_
#define CAROUSEL_MODEL_TRAIN_TRAINER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/layers/dropout.h"
#include "model/layers/weight_specs.h"
#include "model/tensor/tensor.h"
#include "model/train/communicator.h"
#include "model/train/optimiser.h"
#include "model/weights/safetensors.h"

namespace carousel {

struct TrainerOptions {
  // Largest norm of the whole gradient (Pascanu, Mikolov, Bengio 2013); larger
  // ones are scaled down to it. 0: never.
  float clip_norm = 0.25f;

  // Largest element of the gradient; larger ones are cut to it, before the norm
  // is looked at. 0: never.
  float clip_value = 0;

  OptimiserOptions optimiser = {};  // decay: on matrices, not on biases

  uint64_t seed = 1;  // of the initial weights and of every dropout mask
};

struct TrainingStepFigures {
  double loss = 0;  // mean of a counted target
  int64_t targets = 0;
  double gradient_norm = 0;  // before clipping
};

// Sums over the targets of a batch, or of a part of one.
struct BatchLoss {
  double loss = 0;
  int64_t targets = 0;
};

// Runs forward and backward over (a part of) a batch and adds the gradient of
// the sum of its losses to `gradients`. `weights` and `gradients` are in the
// order of the list of weights. `key` has the seed and the number of the
// update; passes over several parts of one batch say in it which rows they are.
using Pass = std::function<absl::StatusOr<BatchLoss>(
    absl::Span<const float* const> weights, absl::Span<float* const> gradients,
    DropoutKey key)>;

// Thread-compatible; computes with as many OpenMP threads as the caller's
// thread has set. Two trainers with equal options that take equal steps hold
// the same bits, for equal numbers of threads.
class Trainer {
 public:
  // With initial weights by the seed. `communicator` must outlive the trainer;
  // with several ranks every one of them makes the same calls, each with passes
  // over its own rows, and holds the same weights. INVALID_ARGUMENT if an
  // option is out of its bounds.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(
      std::vector<WeightSpec> specs, const TrainerOptions& options,
      Communicator* communicator = &Communicator::Alone());
  ~Trainer();

  // One update: runs the passes, sums over them and the ranks, divides by the
  // number of targets, clips, and lets the optimiser move the weights. INTERNAL
  // if the loss or the gradient is not finite; nothing is changed then. Errors
  // of a pass are handed through.
  absl::StatusOr<TrainingStepFigures> Step(absl::Span<const Pass> passes,
                                           float learning_rate);

  // Number of updates so far; part of the checkpoint.
  int64_t step() const;

  const std::vector<WeightSpec>& specs() const;

  // The weights that are worth most, in the order of the list: averaged SGD's
  // averages once there are any, else those in training. They are what is
  // evaluated and kept. Borrowed: they change with the next Step.
  std::vector<const float*> WeightPointers() const;
  std::vector<Tensor> Weights() const;
  std::vector<NamedTensor> NamedWeights() const;

  // Replaces all weights in training (F32 or BF16, in the order of the list).
  // INVALID_ARGUMENT, naming the tensor, if a shape differs.
  absl::Status SetWeights(absl::Span<const Tensor> weights);

  // Replaces those named. INVALID_ARGUMENT, naming the tensor, if there is no
  // such weight or its shape differs; nothing is changed then.
  absl::Status SetNamedWeights(absl::Span<const NamedTensor> weights);

  // Freezes the weights for whose names it says false; all learn in the
  // beginning. What is frozen counts for nothing in the gradient's norm. Not
  // part of the checkpoint.
  void SetTrainable(
      const std::function<bool(absl::string_view name)>& trainable);

  // Begins to average the weights (OptimiserKind::kAveragedSgd), if it has not
  // begun yet.
  void StartAveraging();

  // All that the next Step depends on: weights, optimiser, step number.
  // Borrowed, as Weights().
  std::vector<NamedTensor> Checkpoint() const;

  // Takes up where Checkpoint() was taken. INVALID_ARGUMENT, naming the tensor,
  // if it is of a trainer with other options; this one is then unchanged. Other
  // tensors in it are left alone.
  absl::Status Restore(absl::Span<const NamedTensor> checkpoint);

 private:
  struct Rep;
  explicit Trainer(std::unique_ptr<Rep> rep);
  const std::unique_ptr<Rep> rep_;
};

// INVALID_ARGUMENT, naming the tensor, unless `checkpoint` has for each of
// `expected` one of its name, type and shape.
absl::Status CheckTensors(absl::Span<const NamedTensor> expected,
                          absl::Span<const NamedTensor> checkpoint);

// Copies the tensors of `checkpoint` into the memory of `into`, which borrows
// it from the caller. REQUIRES: CheckTensors(into, checkpoint) is OK.
void CopyTensors(absl::Span<const NamedTensor> checkpoint,
                 absl::Span<const NamedTensor> into);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRAINER_H_
