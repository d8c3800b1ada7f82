// SPDX-License-Identifier: Apache-2.0
//
// Trains a probe network on batches that a generator makes, until it has
// learned the task or has had its updates.

#ifndef CAROUSEL_MODEL_TRAIN_DIAGNOSE_PROBE_TRAINING_H_
#define CAROUSEL_MODEL_TRAIN_DIAGNOSE_PROBE_TRAINING_H_

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/base/random.h"
#include "model/train/diagnose/probe_network.h"
#include "model/train/diagnose/run_pool.h"
#include "model/train/figure.h"
#include "model/train/optimiser.h"
#include "model/train/trainer.h"
#include "nlohmann/json_fwd.hpp"

namespace carousel {

// What a batch is for; different sequences in each.
enum class BatchUse { kTraining, kValidation, kTest };

// The numbers that batch `index` is made of: a stream for each use, so that no
// test sequence is trained on.
Random BatchRandom(uint64_t seed, BatchUse use, int64_t index);

// Batch number `index` for this use and this seed: always the same one.
using BatchMaker = std::function<ProbeBatch(
    const ProbeSizes& sizes, uint64_t seed, BatchUse use, int64_t index)>;

struct ProbeTraining {
  ProbeSizes sizes;
  BatchMaker make_batch;
  uint64_t seed = 1;  // of the weights and the batches

  OptimiserKind optimiser = OptimiserKind::kAdam;
  float learning_rate = 0.001f;  // falls to 0 in a line
  float clip_norm = 1;           // 0: never

  int64_t max_updates = 1000;
  int64_t evaluate_every = 100;
  int validation_batches = 8;

  // A validation loss below this ends the training; 0: never.
  double solved_below = 0;

  // How often a training whose loss is no number any more goes back to the
  // weights of its last good evaluation and on at half its rate. Good: a loss
  // of at most twice the best so far.
  int max_setbacks = 0;
};

struct ProbeOutcome {
  std::vector<FigurePoint> training = {};    // loss of each update's batch
  std::vector<FigurePoint> validation = {};  // mean loss, update by update
  int64_t updates = 0;
  bool solved = false;

  int setbacks = 0;

  // The update whose loss or gradient was no number any more, which ended the
  // training; -1: none.
  int64_t diverged_at = -1;
};

class ProbeTrainer {
 public:
  // Errors as Trainer and ProbeNetwork.
  static absl::StatusOr<std::unique_ptr<ProbeTrainer>> Create(
      const ProbeTraining& training);

  // Goes all the way. `monitor` may be null.
  absl::StatusOr<ProbeOutcome> Run(RunMonitor* monitor);

  // Mean loss of a target over `batches` batches.
  absl::StatusOr<double> Evaluate(BatchUse use, int batches);

  ProbeNetwork& network() { return *network_; }
  std::vector<const float*> weights() const {
    return trainer_->WeightPointers();
  }

 private:
  explicit ProbeTrainer(const ProbeTraining& training)
      : training_(training), learning_rate_(training.learning_rate) {}
  absl::StatusOr<double> Update(int64_t index);
  absl::Status Validate(ProbeOutcome* outcome);
  absl::Status GoBack();
  absl::Status SetMemory();

  const ProbeTraining training_;
  float learning_rate_;
  std::vector<Tensor> good_;  // the weights of the last good evaluation
  double best_loss_ = INFINITY;
  std::unique_ptr<ProbeNetwork> network_;
  std::unique_ptr<Trainer> trainer_;
};

// The settings that the outcome depends on, but for the task; for keys and
// results.
std::string DescribeTraining(const ProbeTraining& training);

// [[x, y], ...], thinned to what a figure shows; and back.
nlohmann::ordered_json PointsToJson(const std::vector<FigurePoint>& points);
std::vector<FigurePoint> PointsFromJson(const nlohmann::ordered_json& json);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DIAGNOSE_PROBE_TRAINING_H_
