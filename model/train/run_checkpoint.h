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
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/weights/safetensors.h"

namespace carousel {

// What a run knows besides the task's numbers.
struct RunState {
  int64_t step = 0;
  int64_t tokens = 0;   // targets trained on
  double seconds = 0;   // spent training, evaluation and saving included
  std::string batches;  // TrainingTask::Position()

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
  std::string best_figures = "{}";  // the others, as a JSON object
  int evaluations_without_better = 0;

  // What evaluations have brought about (evaluation_policy.h).
  int plateau_evaluations = 0;  // without a better one or a lower rate
  double plateau_scale = 1;     // of the learning rate
  bool averaging = false;       // of the weights has begun
};

struct RunCheckpoint {
  std::unique_ptr<const Safetensors> tensors;
  RunState state;
  std::string task;    // TaskDefinition::name()
  std::string config;  // TaskDefinition::SerialisedConfig()
};

// INTERNAL, naming the tensor, if one holds a number that is not finite: such
// weights are never written, and the checkpoint before then stands, as it does
// when the disk is full (RESOURCE_EXHAUSTED).
absl::Status SaveRunCheckpoint(const std::string& path,
                               absl::Span<const NamedTensor> tensors,
                               const RunState& state, absl::string_view task,
                               absl::string_view config);

// NOT_FOUND, or DATA_LOSS if the file is not a checkpoint.
absl::StatusOr<RunCheckpoint> OpenRunCheckpoint(const std::string& path);

// The best weights so far, those of `step`, in a file beside the checkpoint.
// Errors as SaveRunCheckpoint.
absl::Status SaveBestWeights(const std::string& path,
                             absl::Span<const NamedTensor> weights,
                             int64_t step);

// DATA_LOSS if the weights at `path` are of another step: somebody may have
// restored the checkpoint without them. NOT_FOUND.
absl::Status CheckBestWeights(const std::string& path, int64_t step);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_RUN_CHECKPOINT_H_
