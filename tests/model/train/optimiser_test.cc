// SPDX-License-Identifier: Apache-2.0

#include "model/train/optimiser.h"

#include <omp.h>

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"

namespace carousel {
namespace {

std::vector<float> RandomFloats(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(n);
  for (float& value : values) value = random.Uniform(-1, 1);
  return values;
}

TEST(ClipFactorTest, GradientAboveTheBoundIsScaledDownToIt) {
  EXPECT_FLOAT_EQ(ClipFactor(10.0, 2.5f), 0.25f);
}

TEST(ClipFactorTest, GradientWithinTheBoundIsLeftAlone) {
  EXPECT_EQ(ClipFactor(2.0, 2.5f), 1.0f);
}

TEST(ClipFactorTest, ZeroMeansNever) { EXPECT_EQ(ClipFactor(1e9, 0), 1.0f); }

TEST(NormTest, SumsBlocksOfAnyNumber) {
  for (size_t n : {1u, 16384u, 16385u, 50000u}) {
    const std::vector<float> ones(n, 2.0f);
    EXPECT_NEAR(Norm(ones), 2 * std::sqrt(static_cast<double>(n)),
                1e-9 * static_cast<double>(n));
  }
}

// A run repeated on another number of threads differs in matrix products at
// most, never here.
TEST(OptimiserTest, ResultsDoNotDependOnTheNumberOfThreads) {
  constexpr size_t kSize = 100'003;
  const auto gradient = RandomFloats(kSize, 1);
  std::vector<std::vector<float>> results;
  std::vector<double> norms;
  for (int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    auto weights = RandomFloats(kSize, 2);
    Optimiser optimiser({.weight_decay = 0.1f},
                        {{.begin = 0, .end = kSize, .decays = true}});
    norms.push_back(Norm(gradient));
    for (int step = 1; step <= 3; ++step) {
      optimiser.Update(0.01f, 0.5f, gradient, absl::MakeSpan(weights));
    }
    results.push_back(weights);
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
  EXPECT_EQ(norms[0], norms[1]);
}

// Loshchilov and Hutter decay weights; biases are left out by custom.
TEST(OptimiserTest, DecayTouchesOnlyRangesThatDecay) {
  Optimiser optimiser({.weight_decay = 0.5f},
                      {{.begin = 0, .end = 2, .decays = true},
                       {.begin = 2, .end = 4, .decays = false}});
  std::vector<float> weights(4, 1.0f);
  const std::vector<float> zero(4, 0.0f);
  optimiser.Update(0.1f, 1.0f, zero, absl::MakeSpan(weights));
  EXPECT_THAT(weights, ::testing::Pointwise(::testing::FloatEq(),
                                            {0.95f, 0.95f, 1.0f, 1.0f}));
}

TEST(OptimiserTest, SgdKeepsNoMoments) {
  Optimiser optimiser({.kind = OptimiserKind::kSgd}, {{.begin = 0, .end = 1}});
  std::vector<float> weights = {1.0f};
  optimiser.Update(0.5f, 0.1f, {4.0f}, absl::MakeSpan(weights));
  EXPECT_FLOAT_EQ(weights[0], 0.8f);
  EXPECT_EQ(optimiser.State().size(), 1u);  // the counts of updates
}

// Gradual unfreezing: what does not learn must not move, by decay or momentum
// either, and must begin like a new one.
TEST(OptimiserTest, FrozenRangesStayAndBeginAnew) {
  Optimiser optimiser({.kind = OptimiserKind::kAdamW, .weight_decay = 0.1f},
                      {{.begin = 0, .end = 1, .decays = true},
                       {.begin = 1, .end = 2, .decays = true}});
  std::vector<float> weights(2, 1.0f);
  optimiser.SetTrainable(1, false);
  for (int i = 0; i < 20; ++i) {
    optimiser.Update(0.01f, 1.0f, {1.0f, 1.0f}, absl::MakeSpan(weights));
  }
  EXPECT_LT(weights[0], 0.9f);
  EXPECT_EQ(weights[1], 1.0f);
  optimiser.SetTrainable(1, true);
  optimiser.Update(0.01f, 1.0f, {1.0f, 1.0f}, absl::MakeSpan(weights));
  EXPECT_NEAR(weights[1], 0.999f - 0.01f, 1e-6);  // decay, and a first step
}

// Polyak: the mean of the weights over the steps, which are those of SGD.
TEST(OptimiserTest, AverageIsTheMeanOfTheWeightsSinceItBegan) {
  Optimiser optimiser({.kind = OptimiserKind::kAveragedSgd},
                      {{.begin = 0, .end = 1}});
  std::vector<float> weights = {10.0f};
  optimiser.Update(1.0f, 1.0f, {1.0f}, absl::MakeSpan(weights));
  EXPECT_TRUE(optimiser.average().empty());
  optimiser.StartAveraging();
  EXPECT_TRUE(optimiser.average().empty());
  for (int i = 0; i < 3; ++i) {
    optimiser.Update(1.0f, 1.0f, {1.0f}, absl::MakeSpan(weights));
  }
  EXPECT_FLOAT_EQ(weights[0], 6.0f);
  EXPECT_FLOAT_EQ(optimiser.average()[0], 7.0f);  // of 8, 7, 6
}

TEST(OptimiserTest, ClampBoundsEveryElement) {
  std::vector<float> values = {-4.0f, -1.0f, 0.5f, 3.0f};
  ScaleAndClamp(0.5f, 1.0f, absl::MakeSpan(values));
  EXPECT_THAT(values, ::testing::ElementsAre(-1.0f, -0.5f, 0.25f, 1.0f));
}

}  // namespace
}  // namespace carousel
