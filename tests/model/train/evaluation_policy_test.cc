// SPDX-License-Identifier: Apache-2.0

#include "model/train/evaluation_policy.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

// An evaluation after one more step.
EvaluationVerdict Judge(const TrainingSettings& settings, double loss,
                        RunState* state) {
  ++state->step;
  return JudgeEvaluation(settings, loss, state);
}

// The first is the best so far, whatever it is.
TEST(EvaluationPolicyTest, LowerLossIsBetterAndEqualIsNot) {
  RunState state;
  const TrainingSettings settings;
  EXPECT_TRUE(Judge(settings, 5, &state).better);
  EXPECT_FALSE(Judge(settings, 5, &state).better);
  EXPECT_TRUE(Judge(settings, 4, &state).better);
  EXPECT_EQ(state.best_step, 3);
  EXPECT_EQ(state.best_dev_loss, 4);
}

TEST(EvaluationPolicyTest, PatienceEndsTheRun) {
  RunState state;
  TrainingSettings settings;
  settings.patience = 2;
  Judge(settings, 5, &state);
  EXPECT_FALSE(Judge(settings, 6, &state).stops);
  Judge(settings, 4, &state);  // counts anew
  EXPECT_FALSE(Judge(settings, 6, &state).stops);
  EXPECT_TRUE(Judge(settings, 6, &state).stops);
  EXPECT_TRUE(StoppedEarly(settings, state));
}

// Each lower rate gets its own chance.
TEST(EvaluationPolicyTest, PlateauLowersTheRateAgainAndAgain) {
  RunState state;
  TrainingSettings settings;
  settings.patience = 0;
  settings.learning_rate = {.decay = Decay::kPlateau,
                            .plateau_evaluations = 2,
                            .plateau_factor = 0.5f};
  Judge(settings, 5, &state);
  EXPECT_FALSE(Judge(settings, 6, &state).lowers_rate);
  EXPECT_TRUE(Judge(settings, 6, &state).lowers_rate);
  EXPECT_EQ(state.plateau_scale, 0.5);
  EXPECT_FALSE(Judge(settings, 6, &state).lowers_rate);
  EXPECT_TRUE(Judge(settings, 6, &state).lowers_rate);
  EXPECT_EQ(state.plateau_scale, 0.25);
}

// NT-ASGD: SGD until it no longer helps, then the mean of its weights.
TEST(EvaluationPolicyTest, AveragingBeginsOnceAndPatienceAnew) {
  RunState state;
  TrainingSettings settings;
  settings.trainer.optimiser.kind = OptimiserKind::kAveragedSgd;
  settings.average_after_evaluations = 2;
  settings.patience = 2;
  EXPECT_FALSE(AveragesFromTheStart(settings));
  Judge(settings, 5, &state);
  EXPECT_FALSE(Judge(settings, 6, &state).starts_averaging);
  const EvaluationVerdict verdict = Judge(settings, 6, &state);
  EXPECT_TRUE(verdict.starts_averaging);
  EXPECT_FALSE(verdict.stops);
  EXPECT_EQ(state.plateau_evaluations, 0);
  EXPECT_FALSE(Judge(settings, 6, &state).starts_averaging);
  EXPECT_TRUE(Judge(settings, 6, &state).stops);
}

}  // namespace
}  // namespace carousel
