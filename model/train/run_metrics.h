// SPDX-License-Identifier: Apache-2.0
//
// The lines of metrics.jsonl, out of what a run has counted.

#ifndef CAROUSEL_MODEL_TRAIN_RUN_METRICS_H_
#define CAROUSEL_MODEL_TRAIN_RUN_METRICS_H_

#include "model/train/run_checkpoint.h"
#include "model/train/training_task.h"
#include "nlohmann/json_fwd.hpp"

namespace carousel {

// Adds a step that took so long to the run and to its interval.
void CountStep(const TrainingStepFigures& figures, double seconds,
               RunState* state);

// What the interval measured, and begins the next: "step", "epoch", "tokens",
// "loss" (mean of a target), "perplexity" where it means something,
// "learning_rate", "gradient_norm" (mean of a step), "tokens_per_s", "seconds".
// A target is called a token whatever the task.
nlohmann::ordered_json TakeIntervalMetrics(const TrainingTask& task,
                                           float learning_rate,
                                           RunState* state);

// "step", "dev_loss", "dev_NAME" of every other figure, "seconds".
nlohmann::ordered_json DevMetrics(const DevFigures& figures,
                                  const RunState& state);

// "dev loss 4.512, perplexity 91.1".
std::string DescribeDev(const DevFigures& figures);

// The other figures as a JSON object, for RunState::best_figures.
std::string OtherFigures(const DevFigures& figures);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_RUN_METRICS_H_
