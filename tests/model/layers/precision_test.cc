// SPDX-License-Identifier: Apache-2.0
//
// Training in bfloat16 beside training in f32: what the rounded factors of the
// products may cost.

#include "model/onednn/precision.h"

#include <omp.h>

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/layers/language_model_grad.h"
#include "model/layers/recurrent_stack_grad.h"
#include "model/onednn/matmul.h"

namespace carousel {
namespace {

using Floats = std::vector<float>;

Floats RandomFloats(int64_t n, uint64_t seed) {
  Random random(seed);
  Floats values(static_cast<size_t>(n));
  for (float& value : values) value = random.Uniform(-1, 1);
  return values;
}

// Initial weights by the specs, and memory for their gradients.
struct Parameters {
  explicit Parameters(const std::vector<WeightSpec>& specs) {
    for (size_t i = 0; i < specs.size(); ++i) {
      Floats weight(static_cast<size_t>(NumElements(specs[i].shape)));
      InitialiseWeight(specs[i], Random(7, i), absl::MakeSpan(weight));
      gradients.emplace_back(weight.size());
      weights.push_back(std::move(weight));
    }
    for (auto& weight : weights) weight_pointers.push_back(weight.data());
    for (auto& gradient : gradients) {
      gradient_pointers.push_back(gradient.data());
    }
  }
  std::vector<Floats> weights, gradients;
  std::vector<const float*> weight_pointers;
  std::vector<float*> gradient_pointers;
};

// Distance over length, of vectors.
double RelativeDistance(const Floats& a, const Floats& b) {
  double difference = 0, norm = 0;
  for (size_t k = 0; k < a.size(); ++k) {
    difference += std::pow(static_cast<double>(a[k] - b[k]), 2);
    norm += std::pow(static_cast<double>(b[k]), 2);
  }
  return std::sqrt(difference / norm);
}

// Close, but the first `rounded` of them not so close that no factor can have
// been rounded.
void ExpectClose(const std::vector<Floats>& a, const std::vector<Floats>& b,
                 double tolerance, size_t rounded) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const double distance = RelativeDistance(a[i], b[i]);
    EXPECT_LE(distance, tolerance) << "number " << i;
    if (i < rounded) {
      EXPECT_GE(distance, 1e-5) << "number " << i;
    }
  }
}

constexpr int kSteps = 9, kRows = 5;

std::vector<uint8_t> RandomResets() {
  Random random(3);
  std::vector<uint8_t> resets;
  for (int i = 0; i < kSteps * kRows; ++i) {
    resets.push_back(random.Below(6) == 0);
  }
  return resets;
}

// Outputs, gradients of the inputs and of every weight, in that order.
std::vector<Floats> RunStack(const StackSizes& sizes, Precision precision) {
  Parameters p(StackWeightSpecs("", sizes));
  const auto resets = RandomResets();
  const Floats x = RandomFloats(kSteps * kRows * sizes.inputs, 1);
  const Floats dy = RandomFloats(kSteps * kRows * sizes.outputs(), 2);
  Floats dx(x.size());
  RecurrentState state = ZeroState(sizes, kRows);
  Executor executor;
  const auto stack =
      RecurrentStackGrad::Create(sizes, kSteps, kRows, {}, precision).value();
  EXPECT_TRUE(stack
                  ->Forward(p.weight_pointers, x.data(), resets, nullptr,
                            &state, &executor)
                  .ok());
  std::vector<Floats> results = {Floats(stack->y(), stack->y() + dy.size())};
  EXPECT_TRUE(stack
                  ->Backward(p.weight_pointers, resets, dy.data(), nullptr,
                             dx.data(), p.gradient_pointers, &executor)
                  .ok());
  results.push_back(dx);
  results.insert(results.end(), p.gradients.begin(), p.gradients.end());
  return results;
}

class PrecisionOfCellTest : public ::testing::TestWithParam<Cell> {};
INSTANTIATE_TEST_SUITE_P(Cells, PrecisionOfCellTest,
                         ::testing::Values(Cell::kTanhRnn, Cell::kReluRnn,
                                           Cell::kLstm, Cell::kGru),
                         [](const auto& cell) {
                           return std::string(CellName(cell.param));
                         });

// A factor errs by 2^-9 of itself at most; through two layers and nine steps
// that stays below one per cent. A ReLU's derivative jumps at 0, so a sum that
// errs across it changes a whole path of the gradient.
TEST_P(PrecisionOfCellTest, OutputsAndGradientsInBFloat16AreCloseToThoseInF32) {
  if (!SupportsBF16()) GTEST_SKIP() << "this CPU has no AVX512_BF16";
  const StackSizes sizes = {
      .cell = GetParam(), .inputs = 24, .hidden = 40, .layers = 2};
  const auto f32 = RunStack(sizes, Precision::kF32);
  ExpectClose(RunStack(sizes, Precision::kBF16), f32,
              GetParam() == Cell::kReluRnn ? 0.15 : 1e-2, f32.size());
}

struct Step {
  double loss = 0;
  std::vector<Floats> gradients;
};

Step RunLanguageModel(const LanguageModelSizes& sizes, Precision precision) {
  Parameters p(WeightSpecs(sizes).value());
  const auto resets = RandomResets();
  std::vector<int32_t> inputs, targets;
  Random random(4);
  for (int i = 0; i < kSteps * kRows; ++i) {
    const auto v = static_cast<uint64_t>(sizes.vocabulary);
    inputs.push_back(static_cast<int32_t>(random.Below(v)));
    targets.push_back(static_cast<int32_t>(random.Below(v)));
  }
  RecurrentState state = ZeroState(sizes.stack(), kRows);
  const auto network = LanguageModelGrad::Create(sizes, kSteps, kRows,
                                                 {.layers = 0.2f}, precision)
                           .value();
  const double loss =
      network
          ->LossAndGradient(
              p.weight_pointers,
              {.inputs = inputs, .targets = targets, .resets = resets},
              {.seed = 1, .step = 1}, &state, p.gradient_pointers)
          .value();
  return {loss, p.gradients};
}

constexpr LanguageModelSizes kModel = {.vocabulary = 300,
                                       .embedding = 32,
                                       .hidden = 48,
                                       .layers = 2,
                                       .projection = true};

TEST(PrecisionTest, LanguageModelInBFloat16HasNearlyTheGradientOfF32) {
  if (!SupportsBF16()) GTEST_SKIP() << "this CPU has no AVX512_BF16";
  const Step f32 = RunLanguageModel(kModel, Precision::kF32);
  const Step bf16 = RunLanguageModel(kModel, Precision::kBF16);
  EXPECT_NEAR(bf16.loss, f32.loss, 1e-4 * f32.loss);
  // The last, of the output's bias, is a sum of probabilities, nearly all
  // alike.
  ExpectClose(bf16.gradients, f32.gradients, 1e-2, f32.gradients.size() - 1);
}

TEST(PrecisionTest, EqualStepsInBFloat16GiveEqualBits) {
  if (!SupportsBF16()) GTEST_SKIP() << "this CPU has no AVX512_BF16";
  omp_set_num_threads(2);
  const Step a = RunLanguageModel(kModel, Precision::kBF16);
  const Step b = RunLanguageModel(kModel, Precision::kBF16);
  EXPECT_EQ(a.loss, b.loss);
  EXPECT_EQ(a.gradients, b.gradients);
}

// It must not pretend to be fast, nor crash.
TEST(PrecisionTest, BFloat16IsRefusedWhereTheCpuHasNoInstructionsForIt) {
  const auto layer =
      RecurrentTrainingLayer::Create(Cell::kLstm, 4, 4, 1, 1, Precision::kBF16);
  EXPECT_EQ(layer.ok(), SupportsBF16());
}

}  // namespace
}  // namespace carousel
