// SPDX-License-Identifier: Apache-2.0
//
// What a training run drives: a task in training, and the definition that
// begins it. Everything that the tasks have in common (schedule, evaluation,
// checkpoints, metrics, signals) is in training_run.h; a task knows its data,
// its network and its bundle.
//
// With several ranks (communicator.h) every rank has a task and the run makes
// the same calls on all of them; those marked "collective" may sum over ranks.

#ifndef CAROUSEL_MODEL_TRAIN_TRAINING_TASK_H_
#define CAROUSEL_MODEL_TRAIN_TRAINING_TASK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/train/communicator.h"
#include "model/train/progress.h"
#include "model/train/run_checkpoint.h"
#include "model/train/trainer.h"
#include "model/train/training_settings.h"
#include "model/weights/safetensors.h"

namespace carousel {

// What was measured on dev.
struct DevFigures {
  double loss = 0;  // lower is better: it decides which weights are kept

  // For people and metrics.jsonl ("dev_NAME"): {"perplexity", 81.2}.
  std::vector<std::pair<std::string, double>> others;
};

// Thread-compatible.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;

  // Updates in a pass through the training data, rounded up; at least 1.
  virtual int64_t steps_per_epoch() const = 0;

  // What a target is, for people: "tokens", "examples".
  virtual absl::string_view unit() const { return "tokens"; }

  // Whether the loss is a mean negative log-likelihood, so that exp(loss) says
  // something.
  virtual bool has_perplexity() const { return false; }

  // Whether there is anything to evaluate on.
  virtual bool has_dev() const = 0;

  // One update with the next batch. Collective. INTERNAL if a number is not
  // finite; nothing is changed then.
  virtual absl::StatusOr<TrainingStepFigures> Step(float learning_rate) = 0;

  // Measures Weights() on dev. Calls `on_progress` with the share that is done,
  // equally often on every rank; it returns whether to go on. Nothing is
  // returned if not. Collective; changes nothing. REQUIRES: has_dev().
  virtual absl::StatusOr<std::optional<DevFigures>> Evaluate(
      const std::function<bool(double done)>& on_progress) = 0;

  // Averaged SGD: average the weights from here on (Trainer::StartAveraging).
  virtual void StartAveraging() = 0;

  // Where the stream of batches stands, and going there. INVALID_ARGUMENT if it
  // is not a position of this stream.
  virtual std::string Position() const = 0;
  virtual absl::Status Seek(absl::string_view position) = 0;

  // All tensors that the next Step depends on, the same whatever the number of
  // ranks. May borrow; valid until the next call. Collective.
  virtual absl::StatusOr<std::vector<NamedTensor>> Checkpoint() = 0;

  // Takes up where Checkpoint() was taken. INVALID_ARGUMENT, naming the tensor.
  virtual absl::Status Restore(absl::Span<const NamedTensor> checkpoint) = 0;

  // What is kept as the best, and exported.
  virtual std::vector<NamedTensor> Weights() const = 0;

  // Writes the bundle: Weights() of the best step are in the safetensors file
  // `weights_path`. On rank 0 alone.
  virtual absl::Status Export(const std::string& weights_path,
                              const RunState& state,
                              const std::string& bundle_directory) = 0;
};

// What a task is begun with.
struct TaskContext {
  std::string run_directory;  // exists
  Note note;                  // says something to whoever looks on

  // Restore() follows: it does not matter what the task begins with.
  bool has_checkpoint = false;

  // Outlives the task.
  Communicator* communicator = &Communicator::Alone();
};

// A task and its settings.
class TaskDefinition {
 public:
  virtual ~TaskDefinition() = default;

  // As the command: "language-model". A checkpoint of another task is refused.
  virtual absl::string_view name() const = 0;

  virtual const TrainingSettings& settings() const = 0;

  // All settings as JSON, for config.json and the checkpoint.
  virtual std::string SerialisedConfig() const = 0;

  // FAILED_PRECONDITION, naming the key, if a run whose checkpoint holds the
  // settings `before` cannot go on with these.
  virtual absl::Status CheckCanResume(absl::string_view before) const = 0;

  // Prepares the data, leaves in the run's folder what Resume needs, and makes
  // the task at its beginning. On rank 0 alone, so not collective.
  // INVALID_ARGUMENT with file and line for data that cannot be used.
  virtual absl::StatusOr<std::unique_ptr<TrainingTask>> Begin(
      const TaskContext& context) = 0;

  // Makes the task at its beginning from what Begin left in the run's folder.
  virtual absl::StatusOr<std::unique_ptr<TrainingTask>> Resume(
      const TaskContext& context) = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRAINING_TASK_H_
