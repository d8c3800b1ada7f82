// SPDX-License-Identifier: Apache-2.0
//
// What follows from an evaluation on dev. Pure: it decides, the run acts.

#ifndef CAROUSEL_MODEL_TRAIN_EVALUATION_POLICY_H_
#define CAROUSEL_MODEL_TRAIN_EVALUATION_POLICY_H_

#include "model/train/run_checkpoint.h"
#include "model/train/training_settings.h"

namespace carousel {

struct EvaluationVerdict {
  bool better = false;            // the best so far: keep the weights
  bool lowers_rate = false;       // kPlateau: state.plateau_scale has changed
  bool starts_averaging = false;  // averaged SGD: the mean begins
  bool stops = false;             // patience is at an end
};

// Counts an evaluation with this loss at state->step, and says what follows.
// Neither a lower rate nor averaging comes with the evaluation that stops the
// run. When averaging begins the counts begin anew: averages are other weights.
EvaluationVerdict JudgeEvaluation(const TrainingSettings& settings, double loss,
                                  RunState* state);

// Whether averaging begins with the first step instead.
bool AveragesFromTheStart(const TrainingSettings& settings);

// Whether the run has run out of patience.
bool StoppedEarly(const TrainingSettings& settings, const RunState& state);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_EVALUATION_POLICY_H_
