// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/probe_network.h"

#include <algorithm>
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/train/diagnose/probe_training.h"
#include "model/train/diagnose/sequence_tasks.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

// Weights of a network, as vectors that a test can move.
struct Weights {
  explicit Weights(const ProbeSizes& sizes, bool zero = false) {
    uint64_t index = 0;
    for (const WeightSpec& spec : ProbeWeightSpecs(sizes)) {
      values.emplace_back(static_cast<size_t>(NumElements(spec.shape)));
      if (!zero) {
        InitialiseWeight(spec, Random(5, index++),
                         absl::MakeSpan(values.back()));
      }
    }
  }
  std::vector<float*> pointers() {
    std::vector<float*> result;
    for (auto& value : values) result.push_back(value.data());
    return result;
  }
  std::vector<const float*> const_pointers() {
    std::vector<const float*> result;
    for (auto& value : values) result.push_back(value.data());
    return result;
  }
  std::vector<std::vector<float>> values;
};

class ProbeNetworkTest : public testing::TestWithParam<Cell> {};

// The gradient by central differences, through the layer and the head.
void ExpectGradient(const ProbeSizes& sizes, const ProbeBatch& batch) {
  auto network = ProbeNetwork::Create(sizes);
  ASSERT_THAT(network, IsOk());
  Weights weights(sizes);
  Weights gradients(sizes, /*zero=*/true);
  ASSERT_THAT((*network)->LossAndGradient(weights.const_pointers(), batch,
                                          gradients.pointers()),
              IsOk());
  constexpr float kStep = 1e-2f;
  for (size_t w = 0; w < weights.values.size(); ++w) {
    for (size_t i = 0; i < weights.values[w].size(); i += 3) {
      const float before = weights.values[w][i];
      weights.values[w][i] = before + kStep;
      const double up = (*network)->Loss(weights.const_pointers(), batch)->loss;
      weights.values[w][i] = before - kStep;
      const double down =
          (*network)->Loss(weights.const_pointers(), batch)->loss;
      weights.values[w][i] = before;
      const double expected = (up - down) / (2 * double{kStep});
      EXPECT_NEAR(double{gradients.values[w][i]}, expected,
                  5e-3 * (1 + std::abs(expected)))
          << "weight " << w << " element " << i;
    }
  }
}

// ReLU has no slope at its corner, where differences are of no use; its layer
// is tested by itself.
TEST_P(ProbeNetworkTest, GradientOfTheSquaredErrorIsRight) {
  const ProbeSizes sizes = {.cell = GetParam(),
                            .inputs = 2,
                            .hidden = 5,
                            .outputs = 1,
                            .steps = 6,
                            .rows = 3};
  ExpectGradient(sizes, MakeAddingBatch(sizes, 1, BatchUse::kTraining, 0));
}

TEST_P(ProbeNetworkTest, GradientOfTheSoftmaxIsRight) {
  const ProbeSizes sizes = {.cell = GetParam(),
                            .inputs = kCopySymbols + 2,
                            .hidden = 5,
                            .outputs = kCopySymbols,
                            .steps = 6,
                            .rows = 2};
  ExpectGradient(sizes, CopyBatchMaker(2)(sizes, 1, BatchUse::kTraining, 0));
}

INSTANTIATE_TEST_SUITE_P(Cells, ProbeNetworkTest,
                         testing::Values(Cell::kTanhRnn, Cell::kLstm,
                                         Cell::kGru));

// What gradient-flow draws: dLoss/dh at the last step is d * W of the head, and
// what comes back to a step is through the recurrence alone.
TEST(ProbeNetworkDhTest, LastStepIsTheHeadsGradient) {
  const ProbeSizes sizes = {.cell = Cell::kTanhRnn,
                            .inputs = 2,
                            .hidden = 4,
                            .outputs = 1,
                            .steps = 5,
                            .rows = 2};
  auto network = ProbeNetwork::Create(sizes);
  ASSERT_THAT(network, IsOk());
  Weights weights(sizes);
  Weights gradients(sizes, /*zero=*/true);
  const ProbeBatch batch = MakeAddingBatch(sizes, 1, BatchUse::kTraining, 0);
  std::vector<float> dh(5 * 2 * 4);
  ASSERT_THAT((*network)->LossAndGradient(weights.const_pointers(), batch,
                                          gradients.pointers(), dh.data()),
              IsOk());
  for (size_t n = 0; n < 2; ++n) {
    const float d = 2 * ((*network)->predictions()[n] - batch.targets[n].value);
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(dh[(4 * 2 + n) * 4 + i], d * weights.values[4][i], 1e-5f);
    }
  }
}

// The whole loop learns: a short adding problem, from chance to well below.
TEST(ProbeTrainerTest, LearnsAShortTaskAndStops) {
  auto trainer = ProbeTrainer::Create({.sizes = {.cell = Cell::kLstm,
                                                 .inputs = 2,
                                                 .hidden = 16,
                                                 .outputs = 1,
                                                 .steps = 6,
                                                 .rows = 32},
                                       .make_batch = MakeAddingBatch,
                                       .learning_rate = 0.02f,
                                       .max_updates = 1500,
                                       .evaluate_every = 50,
                                       .solved_below = 0.02});
  ASSERT_THAT(trainer, IsOk());
  const auto outcome = (*trainer)->Run(nullptr);
  ASSERT_THAT(outcome, IsOk());
  EXPECT_TRUE(outcome->solved);
  EXPECT_LT(outcome->updates, 1500);
  EXPECT_LT(outcome->validation.back().y, 0.02);
  EXPECT_GT(outcome->validation.front().y, 0.1);
}

// A run that has blown up is told apart from one that has not learned.
TEST(ProbeTrainerTest, DivergenceEndsTheTraining) {
  ProbeTraining training = {.sizes = {.cell = Cell::kReluRnn,
                                      .inputs = 2,
                                      .hidden = 16,
                                      .outputs = 1,
                                      .steps = 60,
                                      .rows = 8,
                                      .input_bound = 1},
                            .make_batch = MakeAddingBatch,
                            .optimiser = OptimiserKind::kSgd,
                            .learning_rate = 10,
                            .clip_norm = 0,
                            .max_updates = 100};
  auto trainer = ProbeTrainer::Create(training);
  ASSERT_THAT(trainer, IsOk());
  const auto outcome = (*trainer)->Run(nullptr);
  ASSERT_THAT(outcome, IsOk());
  EXPECT_GT(outcome->diverged_at, 0);
  EXPECT_FALSE(outcome->solved);

  training.max_setbacks = 2;
  trainer = ProbeTrainer::Create(training);
  ASSERT_THAT(trainer, IsOk());
  const auto patient = (*trainer)->Run(nullptr);
  ASSERT_THAT(patient, IsOk());
  EXPECT_EQ(patient->setbacks, 2);
}

// The bounds of a recipe are those of the first weights; a single output begins
// at what the adding problem says on average.
TEST(ProbeWeightSpecsTest, TakeTheBoundsOfTheSizes) {
  const std::vector<WeightSpec> specs =
      ProbeWeightSpecs({.cell = Cell::kTanhRnn,
                        .hidden = 16,
                        .outputs = 1,
                        .input_bound = 0.5f,
                        .recurrent_bound = 2,
                        .output_bound = 3});
  ASSERT_EQ(specs.size(), 6u);
  EXPECT_EQ(specs[0].bound, 0.5f);
  EXPECT_EQ(specs[1].bound, 2);
  EXPECT_EQ(specs[4].bound, 3);
  EXPECT_EQ(specs[5].init, Init::kOne);
  EXPECT_EQ(ProbeWeightSpecs({.hidden = 16, .outputs = 2})[4].bound, 0.25f);
}

// Tallec and Ollivier 2018: a forget gate of bias log(m) keeps over m steps.
TEST(InitialiseMemoryTest, OpensTheGatesForUpToTheStepsAskedFor) {
  const ProbeSizes sizes = {.cell = Cell::kLstm, .hidden = 64, .memory = 100};
  std::vector<float> bias_ih(4 * 64, 7);
  std::vector<float> bias_hh(4 * 64, 7);
  InitialiseMemory(sizes, Random(1), absl::MakeSpan(bias_ih),
                   absl::MakeSpan(bias_hh));
  float longest = 0;
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_EQ(bias_ih[i], -bias_ih[64 + i]);
    EXPECT_GE(bias_ih[64 + i], 0);
    longest = std::max(longest, std::exp(bias_ih[64 + i]));
  }
  EXPECT_GT(longest, 50);
  EXPECT_LT(longest, 100);
  EXPECT_EQ(bias_hh[64], 0);
}

// Results lie in files between computing and drawing.
TEST(PointsTest, ComeBackFromJson) {
  const std::vector<FigurePoint> points = {{1, 2}, {3, INFINITY}, {4, 5}};
  const auto json = nlohmann::ordered_json::parse(PointsToJson(points).dump());
  const std::vector<FigurePoint> back = PointsFromJson(json);
  ASSERT_EQ(back.size(), 3u);
  EXPECT_EQ(back[0], points[0]);
  EXPECT_TRUE(std::isnan(back[1].y));
  EXPECT_EQ(back[2], points[2]);
}

}  // namespace
}  // namespace carousel
