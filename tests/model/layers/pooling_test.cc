// SPDX-License-Identifier: Apache-2.0

#include "model/layers/pooling.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/layers/pooling_grad.h"
#include "tests/testing/reference_pooling.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

struct Case {
  PoolingSizes sizes;
  size_t steps;
  std::vector<int32_t> first;
};

// Pooling, served and in training, beside its reference.
class PoolingTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    reference_ = {
        .sizes = c.sizes,
        .steps = c.steps,
        .rows = c.first.size(),
        .first = c.first,
        .weights = {},
        .states = RandomDoubles(
            c.steps * c.first.size() * static_cast<size_t>(c.sizes.width), 1,
            3)};
    uint64_t seed = 4;
    specs_ = PoolingWeightSpecs(c.sizes).value();
    for (const WeightSpec& spec : specs_) {
      const auto count = static_cast<size_t>(NumElements(spec.shape));
      reference_.weights.push_back(RandomDoubles(count, 0.9f, seed++));
      weights_.push_back(ToFloats(reference_.weights.back()));
      gradients_.emplace_back(count);
    }
    for (size_t i = 0; i < weights_.size(); ++i) {
      weight_pointers_.push_back(weights_[i].data());
      gradient_pointers_.push_back(gradients_[i].data());
    }
    states_ = ToFloats(reference_.states);
  }

  ReferencePooling reference_;
  std::vector<WeightSpec> specs_;
  std::vector<Floats> weights_, gradients_;
  std::vector<const float*> weight_pointers_;
  std::vector<float*> gradient_pointers_;
  Floats states_;
  Executor executor_;
};

// Forward and every gradient.
TEST_P(PoolingTest, TrainingIsThatOfTheEquations) {
  const Case& c = GetParam();
  PoolingGrad pooling(c.sizes, static_cast<int64_t>(c.steps),
                      static_cast<int64_t>(c.first.size()));
  ASSERT_TRUE(
      pooling.Forward(weight_pointers_, states_.data(), c.first, &executor_)
          .ok());
  const Doubles expected = reference_.Pooled();
  EXPECT_LE(RelativeDifference(
                Floats(pooling.pooled(), pooling.pooled() + expected.size()),
                expected),
            1e-5);

  const Doubles factors = RandomDoubles(expected.size(), 1, 9);
  Floats dstates(states_.size(), 7.0f);
  ASSERT_TRUE(pooling
                  .Backward(weight_pointers_, ToFloats(factors).data(),
                            dstates.data(), gradient_pointers_, &executor_)
                  .ok());
  const auto loss = [&] {
    const Doubles pooled = reference_.Pooled();
    return std::inner_product(pooled.begin(), pooled.end(), factors.begin(),
                              0.0);
  };
  EXPECT_LE(GradientError(loss, &reference_.states, dstates), 1e-5);
  for (size_t i = 0; i < specs_.size(); ++i) {
    EXPECT_LE(GradientError(loss, &reference_.weights[i], gradients_[i]), 1e-5)
        << specs_[i].name;
  }
}

// What is kept of one batch must not reach the next.
TEST_P(PoolingTest, ABatchInBetweenLeavesNoTrace) {
  const Case& c = GetParam();
  PoolingGrad pooling(c.sizes, static_cast<int64_t>(c.steps),
                      static_cast<int64_t>(c.first.size()));
  const size_t width = reference_.Pooled().size();
  std::vector<int32_t> first = c.first;
  const auto all = [&] {
    for (Floats& gradient : gradients_) {
      std::fill(gradient.begin(), gradient.end(), 0.0f);
    }
    Floats dstates(states_.size());
    EXPECT_TRUE(
        pooling.Forward(weight_pointers_, states_.data(), first, &executor_)
            .ok());
    EXPECT_TRUE(pooling
                    .Backward(weight_pointers_,
                              ToFloats(RandomDoubles(width, 1, 9)).data(),
                              dstates.data(), gradient_pointers_, &executor_)
                    .ok());
    std::vector<Floats> results = gradients_;
    results.push_back(dstates);
    results.emplace_back(pooling.pooled(), pooling.pooled() + width);
    return results;
  };
  const auto turn_round = [&] {
    std::reverse(first.begin(), first.end());
    std::reverse(states_.begin(), states_.end());
  };
  const std::vector<Floats> alone = all();
  turn_round();
  all();
  turn_round();
  EXPECT_EQ(all(), alone);
}

// What serves is what was trained.
TEST_P(PoolingTest, ServedIsThatOfTheEquations) {
  const Case& c = GetParam();
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < specs_.size(); ++i) {
    tensors.push_back(Tensor::FromFloats(specs_[i].shape, weights_[i]));
  }
  const auto pooling = Pooling::Create(c.sizes, tensors).value();
  const Doubles expected = reference_.Pooled();
  Floats found(expected.size()), alignments;
  ASSERT_TRUE(pooling
                  ->Run({.states = states_.data(),
                         .steps = static_cast<int64_t>(c.steps),
                         .first = c.first},
                        found.data(), &alignments, &executor_)
                  .ok());
  EXPECT_LE(RelativeDifference(found, expected), 1e-5);
  if (c.sizes.kind != PoolingKind::kAttention) return;
  for (size_t n = 0; n < c.first.size(); ++n) {
    if (static_cast<size_t>(c.first[n]) == c.steps) continue;
    const auto row = alignments.begin() + static_cast<int64_t>(n * c.steps);
    EXPECT_LE(RelativeDifference(
                  Floats(row + c.first[n], row + static_cast<int64_t>(c.steps)),
                  reference_.Alignment(n)),
              1e-5);
  }
}

constexpr auto kLast = PoolingKind::kLast;
constexpr auto kMaxMean = PoolingKind::kMaxMean;
constexpr auto kConcat = PoolingKind::kConcat;
constexpr auto kAttention = PoolingKind::kAttention;

INSTANTIATE_TEST_SUITE_P(
    Shapes, PoolingTest,
    ::testing::Values(
        // Every bound at its least.
        Case{{.kind = kLast, .width = 1}, 1, {0}},
        Case{{.kind = kMaxMean, .width = 1}, 1, {0}},
        Case{{.kind = kConcat, .width = 1}, 1, {0}},
        Case{{.kind = kAttention, .width = 1, .units = 1}, 1, {0}},
        // Rows that begin at every place, and one that is empty.
        Case{{.kind = kLast, .width = 5}, 4, {0, 2, 3, 4}},
        Case{{.kind = kLast, .width = 6, .bidirectional = true}, 4, {1, 0, 4}},
        Case{{.kind = kMaxMean, .width = 17}, 4, {0, 2, 3, 4}},
        Case{{.kind = kConcat, .width = 18, .bidirectional = true},
             5,
             {4, 0, 5, 2}},
        Case{{.kind = kAttention, .width = 7, .units = 3}, 4, {0, 2, 3, 4}},
        Case{{.kind = kAttention, .width = 4, .units = 17}, 3, {1}}),
    [](const auto& shape) { return "Case" + std::to_string(shape.index); });

// Two directions are two halves.
TEST(PoolingWeightSpecsTest, OddWidthOfTwoDirectionsIsRefused) {
  const auto specs = PoolingWeightSpecs({.width = 3, .bidirectional = true});
  EXPECT_EQ(specs.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(specs.status().message(), HasSubstr("width 3"));
}

}  // namespace
}  // namespace carousel
