// SPDX-License-Identifier: Apache-2.0
//
// A training run on disk: everything that its next step depends on, in one
// safetensors file that is replaced at once or not at all.

#ifndef CAROUSEL_MODEL_TRAIN_RUN_CHECKPOINT_H_
#define CAROUSEL_MODEL_TRAIN_RUN_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/train/language_model_trainer.h"
#include "model/weights/safetensors.h"

namespace carousel {

// What a run knows besides the trainer's numbers.
struct RunState {
  int64_t step = 0;
  int64_t tokens = 0;   // targets trained on
  double seconds = 0;   // spent training, evaluation and saving included
  std::string batches;  // BatchStream::Position()

  // Sums since the last line of metrics.jsonl.
  int64_t interval_steps = 0;
  int64_t interval_tokens = 0;
  double interval_loss = 0;  // of all tokens
  double interval_gradient_norm = 0;
  double interval_seconds = 0;

  // Dev.
  int64_t evaluated_step = -1;  // the last one; -1: none
  int64_t best_step = -1;
  double best_dev_loss = 0;
  int evaluations_without_better = 0;
};

struct RunCheckpoint {
  std::unique_ptr<const Safetensors> tensors;
  RunState state;
  std::string config;  // SerialiseLanguageModelConfig
};

// RESOURCE_EXHAUSTED if the disk is full; the checkpoint before then stands.
absl::Status SaveRunCheckpoint(const std::string& path,
                               const LanguageModelTrainer& trainer,
                               const RunState& state,
                               const std::string& config);

// NOT_FOUND, or DATA_LOSS if the file is not a checkpoint.
absl::StatusOr<RunCheckpoint> OpenRunCheckpoint(const std::string& path);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_RUN_CHECKPOINT_H_
