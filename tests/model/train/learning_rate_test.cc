// SPDX-License-Identifier: Apache-2.0

#include "model/train/learning_rate.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

constexpr LearningRateSchedule kSchedule = {.peak = 1.0f,
                                            .final = 0.1f,
                                            .warmup_steps = 4,
                                            .decay = Decay::kCosine,
                                            .total_steps = 15};

// Adam's first estimates are poor: the rate must not start at its peak.
TEST(LearningRateTest, RisesInAStraightLineOverTheWarmUp) {
  EXPECT_FLOAT_EQ(LearningRateAt(kSchedule, 0), 0.25f);
  EXPECT_FLOAT_EQ(LearningRateAt(kSchedule, 1), 0.5f);
  EXPECT_FLOAT_EQ(LearningRateAt(kSchedule, 3), 1.0f);
}

// The last step is where the fine work is done.
TEST(LearningRateTest, CosineReachesTheFinalRateAtTheLastStep) {
  EXPECT_FLOAT_EQ(LearningRateAt(kSchedule, 4), 1.0f);
  EXPECT_FLOAT_EQ(LearningRateAt(kSchedule, 9), 0.55f);
  EXPECT_FLOAT_EQ(LearningRateAt(kSchedule, 14), 0.1f);
}

// A resumed run may be longer than its schedule.
TEST(LearningRateTest, StaysAtTheFinalRatePastTheEnd) {
  EXPECT_FLOAT_EQ(LearningRateAt(kSchedule, 1000), 0.1f);
}

// Half-way down the line is half-way between the two rates.
TEST(LearningRateTest, LinearFallsInAStraightLine) {
  LearningRateSchedule schedule = kSchedule;
  schedule.decay = Decay::kLinear;
  EXPECT_FLOAT_EQ(LearningRateAt(schedule, 9), 0.55f);
  EXPECT_FLOAT_EQ(LearningRateAt(schedule, 14), 0.1f);
}

// The final rate is of no concern to a schedule that does not decay.
TEST(LearningRateTest, ConstantStaysAtItsPeak) {
  LearningRateSchedule schedule = kSchedule;
  schedule.decay = Decay::kConstant;
  EXPECT_FLOAT_EQ(LearningRateAt(schedule, 14), 1.0f);
}

// The numbers of PyTorch's OneCycleLR(max_lr=1, total_steps=10, pct_start=0.4,
// div_factor=10, final_div_factor=100).
TEST(LearningRateTest, OneCycleIsThatOfPyTorch) {
  const LearningRateSchedule schedule = {.peak = 1.0f,
                                         .decay = Decay::kOneCycle,
                                         .total_steps = 10,
                                         .cycle_rise = 0.4f,
                                         .cycle_div = 10,
                                         .cycle_final_div = 100};
  const float expected[] = {0.1f,        0.325f,   0.775f,  1.0f,
                            0.9330797f,  0.75025f, 0.5005f, 0.25075f,
                            0.06792031f, 0.001f};
  for (int step = 0; step < 10; ++step) {
    EXPECT_NEAR(LearningRateAt(schedule, step), expected[step], 1e-6) << step;
  }
  EXPECT_NEAR(LearningRateAt(schedule, 1000), 0.001f, 1e-7);
}

// What evaluations have brought about, down to the final rate.
TEST(LearningRateTest, PlateauIsScaledButNeverBelowTheFinalRate) {
  LearningRateSchedule schedule = kSchedule;
  schedule.decay = Decay::kPlateau;
  EXPECT_FLOAT_EQ(LearningRateAt(schedule, 9), 1.0f);
  EXPECT_FLOAT_EQ(LearningRateAt(schedule, 9, 0.25), 0.25f);
  EXPECT_FLOAT_EQ(LearningRateAt(schedule, 9, 0.01), 0.1f);
}

// A warm-up longer than the run must not divide by zero.
TEST(LearningRateTest, WarmUpMayOutlastTheRun) {
  LearningRateSchedule schedule = kSchedule;
  schedule.total_steps = 2;
  EXPECT_FLOAT_EQ(LearningRateAt(schedule, 1), 0.5f);
}

}  // namespace
}  // namespace carousel
