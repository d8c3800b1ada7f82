// SPDX-License-Identifier: Apache-2.0
//
// A whole training run of any task: data, batches, learning rate, evaluation,
// checkpoints, and in the end the bundle. README.md describes the files that it
// leaves.

#ifndef CAROUSEL_MODEL_TRAIN_TRAINING_RUN_H_
#define CAROUSEL_MODEL_TRAIN_TRAINING_RUN_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "model/base/clock.h"
#include "model/train/communicator.h"
#include "model/train/progress.h"
#include "model/train/training_task.h"

namespace carousel {

struct TrainingRunOptions {
  std::string bundle_directory;  // .../NAME/VERSION
  std::string run_directory;

  // Go on from the checkpoint in `run_directory`, if there is one. Otherwise a
  // checkpoint there is an error, so that no run is overwritten by mistake.
  bool resume = false;

  // The number of the signal that asks the run to stop, or 0; looked at between
  // steps. May be empty.
  std::function<int()> stop_signal;

  // The processes that make this run together; all of them call RunTraining
  // with equal options and see the same folders. Only rank 0 writes to them.
  Communicator* communicator = &Communicator::Alone();
};

struct TrainingOutcome {
  // 0: the bundle is written. Otherwise the signal that stopped the run, whose
  // checkpoint is written.
  int stopped_by = 0;
};

// Trains. A run that was stopped and resumed, however often, gives the same
// bits as one that was not, for equal settings and threads, unless
// `max_minutes` ends it.
//
// INVALID_ARGUMENT: data that cannot be used, options out of their bounds.
// FAILED_PRECONDITION: the folder holds a run already, or one of another model.
// ALREADY_EXISTS: the bundle. RESOURCE_EXHAUSTED: the disk is full. INTERNAL: a
// loss, a gradient or a weight is not finite. In the last two cases the last
// checkpoint stands, and the message says of which step it is.
absl::StatusOr<TrainingOutcome> RunTraining(TaskDefinition* definition,
                                            const TrainingRunOptions& options,
                                            Progress* progress,
                                            const Clock& clock = Clock::Real());

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRAINING_RUN_H_
