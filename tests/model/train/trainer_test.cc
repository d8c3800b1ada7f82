// SPDX-License-Identifier: Apache-2.0
//
// The trainer with a network of two weights, whose gradients are known.

#include "model/train/trainer.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

std::vector<WeightSpec> Specs() { return {{"a", {2}}, {"b", {1, 1}}}; }

std::unique_ptr<Trainer> MakeTrainer(TrainerOptions options = {}) {
  if (options.optimiser.kind == OptimiserKind::kAdamW) {
    options.optimiser.kind = OptimiserKind::kSgd;
  }
  auto trainer = Trainer::Create(Specs(), options).value();
  EXPECT_THAT(trainer->SetWeights({Tensor::FromFloats({2}, {1, 1}),
                                   Tensor::FromFloats({1, 1}, {1})}),
              IsOk());
  return trainer;
}

// Adds these gradients, and says that it had so many targets.
Pass Gradients(float a0, float a1, float b, int64_t targets = 1) {
  return [=](absl::Span<const float* const>, absl::Span<float* const> g,
             DropoutKey) -> absl::StatusOr<BatchLoss> {
    g[0][0] += a0;
    g[0][1] += a1;
    g[1][0] += b;
    return BatchLoss{.loss = 6, .targets = targets};
  };
}

std::vector<float> Numbers(const Trainer& trainer) {
  const auto w = trainer.WeightPointers();
  return {w[0][0], w[0][1], w[1][0]};
}

auto Near(std::vector<float> expected) {
  return testing::Pointwise(testing::FloatNear(1e-6f), std::move(expected));
}

// The mean over all targets, not the mean of the means of the parts.
TEST(TrainerTest, StepIsByTheMeanOverTheTargetsOfAllPasses) {
  const auto trainer = MakeTrainer({.clip_norm = 0});
  const auto figures =
      trainer->Step({Gradients(1, 0, 2, 1), Gradients(3, 4, 2, 3)}, 0.5f);
  ASSERT_THAT(figures, IsOk());
  EXPECT_EQ(figures->targets, 4);
  EXPECT_DOUBLE_EQ(figures->loss, 3);
  EXPECT_NEAR(figures->gradient_norm, std::sqrt(3.0), 1e-6);
  EXPECT_THAT(Numbers(*trainer), Near({0.5f, 0.5f, 0.5f}));
}

TEST(TrainerTest, ClipsByNorm) {
  const auto trainer = MakeTrainer({.clip_norm = 1});
  ASSERT_THAT(trainer->Step({Gradients(3, 4, 0)}, 1.0f), IsOk());
  EXPECT_THAT(Numbers(*trainer), Near({0.4f, 0.2f, 1}));
}

// The norm is bounded after the elements are.
TEST(TrainerTest, ClipsByValueThenByNorm) {
  const auto trainer = MakeTrainer({.clip_norm = 2.5f, .clip_value = 4});
  const auto figures = trainer->Step({Gradients(30, -40, 3, 10)}, 1.0f);
  ASSERT_THAT(figures, IsOk());
  EXPECT_NEAR(figures->gradient_norm, std::sqrt(9 + 16 + 0.09), 1e-6);
  const auto numbers = Numbers(*trainer);
  EXPECT_NEAR(numbers[0], 1 - 3 * 0.499, 1e-3);
  const auto other = MakeTrainer({.clip_norm = 0, .clip_value = 2});
  ASSERT_THAT(other->Step({Gradients(30, -40, 3, 10)}, 1.0f), IsOk());
  EXPECT_THAT(Numbers(*other), Near({-1, 3, 0.7f}));
}

// What is frozen neither moves nor takes its share of the norm.
TEST(TrainerTest, FrozenWeightsCountForNothing) {
  const auto trainer = MakeTrainer({.clip_norm = 1});
  trainer->SetTrainable([](absl::string_view name) { return name == "b"; });
  const auto figures = trainer->Step({Gradients(100, 100, 0.5f)}, 1.0f);
  ASSERT_THAT(figures, IsOk());
  EXPECT_DOUBLE_EQ(figures->gradient_norm, 0.5);
  EXPECT_THAT(Numbers(*trainer), Near({1, 1, 0.5f}));
}

// A number that is not finite must stop a run before it reaches the weights.
TEST(TrainerTest, GradientThatIsNotFiniteChangesNothingAndGivesAHint) {
  const auto trainer = MakeTrainer();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(trainer->Step({Gradients(1, infinity, 1)}, 1.0f).status(),
              StatusIs(absl::StatusCode::kInternal,
                       testing::AllOf(HasSubstr("step 1: the loss is 6"),
                                      HasSubstr("training.learning_rate"),
                                      HasSubstr("training.clip_norm"))));
  EXPECT_EQ(trainer->step(), 0);
  EXPECT_THAT(Numbers(*trainer), Near({1, 1, 1}));
}

// A resumed run averages what the whole run averages.
TEST(TrainerTest, AveragesAreEvaluatedAndSurviveARestore) {
  const TrainerOptions options = {
      .clip_norm = 0, .optimiser = {.kind = OptimiserKind::kAveragedSgd}};
  const auto trainer = MakeTrainer(options);
  trainer->StartAveraging();
  ASSERT_THAT(trainer->Step({Gradients(1, 0, 0)}, 1.0f), IsOk());
  ASSERT_THAT(trainer->Step({Gradients(1, 0, 0)}, 1.0f), IsOk());
  EXPECT_THAT(Numbers(*trainer), Near({-0.5f, 1, 1}));
  const auto other = MakeTrainer(options);
  ASSERT_THAT(other->Restore(trainer->Checkpoint()), IsOk());
  EXPECT_EQ(other->step(), 2);
  ASSERT_THAT(other->Step({Gradients(1, 0, 0)}, 1.0f), IsOk());
  EXPECT_THAT(Numbers(*other), Near({-1, 1, 1}));
}

// Parts of another model, by name.
TEST(TrainerTest, NamedWeightsReplaceThoseAlone) {
  const auto trainer = MakeTrainer();
  ASSERT_THAT(
      trainer->SetNamedWeights({{"b", Tensor::FromFloats({1, 1}, {7})}}),
      IsOk());
  EXPECT_THAT(Numbers(*trainer), Near({1, 1, 7}));
  EXPECT_THAT(trainer->SetNamedWeights({{"c", Tensor::FromFloats({1}, {7})}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"c\": the model has no such weight")));
  EXPECT_THAT(trainer->SetNamedWeights({{"b", Tensor::FromFloats({1}, {7})}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("shape [1], expected [1,1]")));
}

// Two processes with half of the targets each are one with all.
class OtherRankDoesTheSame : public AloneCommunicator {
 public:
  int size() const override { return 2; }
  absl::Status AllReduceSum(absl::Span<float> values) override {
    for (float& value : values) value *= 2;
    return absl::OkStatus();
  }
  absl::Status AllReduceSum(absl::Span<double> values) override {
    for (double& value : values) value *= 2;
    return absl::OkStatus();
  }
};

TEST(TrainerTest, SumsOverRanksBeforeDividing) {
  OtherRankDoesTheSame ranks;
  const auto trainer =
      Trainer::Create(
          Specs(), {.clip_norm = 0, .optimiser = {.kind = OptimiserKind::kSgd}},
          &ranks)
          .value();
  ASSERT_THAT(trainer->SetWeights({Tensor::FromFloats({2}, {1, 1}),
                                   Tensor::FromFloats({1, 1}, {1})}),
              IsOk());
  const auto figures = trainer->Step({Gradients(2, 4, 8, 4)}, 1.0f);
  ASSERT_THAT(figures, IsOk());
  EXPECT_EQ(figures->targets, 8);
  EXPECT_THAT(Numbers(*trainer), Near({0.5f, 0, -1}));
}

}  // namespace
}  // namespace carousel
