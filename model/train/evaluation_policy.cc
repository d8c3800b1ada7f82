// SPDX-License-Identifier: Apache-2.0
#include "model/train/evaluation_policy.h"

namespace carousel {
namespace {

bool Averages(const TrainingSettings& settings) {
  return settings.trainer.optimiser.kind == OptimiserKind::kAveragedSgd;
}

}  // namespace

bool AveragesFromTheStart(const TrainingSettings& settings) {
  return Averages(settings) && settings.average_after_evaluations == 0;
}

bool StoppedEarly(const TrainingSettings& settings, const RunState& state) {
  return settings.patience > 0 &&
         state.evaluations_without_better >= settings.patience;
}

EvaluationVerdict JudgeEvaluation(const TrainingSettings& settings, double loss,
                                  RunState* state) {
  EvaluationVerdict verdict;
  verdict.better = state->best_step < 0 || loss < state->best_dev_loss;
  state->evaluated_step = state->step;
  if (verdict.better) {
    state->best_step = state->step;
    state->best_dev_loss = loss;
    state->evaluations_without_better = 0;
    state->plateau_evaluations = 0;
    return verdict;
  }
  ++state->evaluations_without_better;
  ++state->plateau_evaluations;
  if (Averages(settings) && !state->averaging &&
      state->evaluations_without_better >= settings.average_after_evaluations) {
    verdict.starts_averaging = true;
    state->averaging = true;
    state->evaluations_without_better = 0;
    state->plateau_evaluations = 0;
    return verdict;
  }
  verdict.stops = StoppedEarly(settings, *state);
  const LearningRateSchedule& schedule = settings.learning_rate;
  if (!verdict.stops && schedule.decay == Decay::kPlateau &&
      state->plateau_evaluations >= schedule.plateau_evaluations) {
    verdict.lowers_rate = true;
    state->plateau_scale *= static_cast<double>(schedule.plateau_factor);
    state->plateau_evaluations = 0;
  }
  return verdict;
}

}  // namespace carousel
