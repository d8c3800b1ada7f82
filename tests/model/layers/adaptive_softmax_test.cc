// SPDX-License-Identifier: Apache-2.0

#include "model/layers/adaptive_softmax.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/layers/adaptive_softmax_grad.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/reference_adaptive_softmax.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

// The equations as loops, in double.
struct Reference {
  AdaptiveSoftmaxSizes sizes;
  std::vector<Doubles> weights;
  Doubles features;  // (M, E)

  // P of every word for row m.
  Doubles Probabilities(size_t m) const {
    const auto width = static_cast<long>(sizes.features);
    const auto begin = features.begin() + static_cast<long>(m) * width;
    return ReferenceAdaptiveSoftmax{sizes, weights}.Probabilities(
        {begin, begin + width});
  }

  double Loss(const std::vector<int32_t>& targets) const {
    double loss = 0;
    for (size_t m = 0; m < targets.size(); ++m) {
      if (targets[m] < 0) continue;
      loss -= std::log(Probabilities(m)[static_cast<size_t>(targets[m])]);
    }
    return loss;
  }
};

class AdaptiveSoftmaxTest
    : public ::testing::TestWithParam<AdaptiveSoftmaxSizes> {
 protected:
  static constexpr size_t kRows = 13;

  void SetUp() override {
    reference_.sizes = GetParam();
    specs_ = AdaptiveSoftmaxWeightSpecs("", GetParam()).value();
    if (GetParam().tied) {
      specs_.insert(
          specs_.begin(),
          {"embedding.weight", {GetParam().vocabulary, GetParam().features}});
    }
    uint64_t seed = 1;
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
    reference_.features = RandomDoubles(
        kRows * static_cast<size_t>(GetParam().features), 1, seed);
    features_ = ToFloats(reference_.features);
    Random random(seed);
    const auto words = static_cast<uint64_t>(GetParam().vocabulary);
    for (size_t m = 0; m < kRows; ++m) {
      targets_.push_back(random.Below(9) == 0
                             ? -1
                             : static_cast<int32_t>(random.Below(words)));
    }
  }

  Reference reference_;
  std::vector<WeightSpec> specs_;
  std::vector<Floats> weights_, gradients_;
  std::vector<const float*> weight_pointers_;
  std::vector<float*> gradient_pointers_;
  Floats features_;
  std::vector<int32_t> targets_;
  Executor executor_;
};

TEST_P(AdaptiveSoftmaxTest, LossAndGradientsAreThoseOfTheEquations) {
  AdaptiveSoftmaxLoss softmax(GetParam());
  Floats dfeatures(features_.size());
  const double loss = softmax
                          .Run(weight_pointers_, features_.data(), targets_,
                               gradient_pointers_, dfeatures.data(), &executor_)
                          .value();
  EXPECT_NEAR(loss, reference_.Loss(targets_), 1e-5 * loss);
  const auto expected = [&] { return reference_.Loss(targets_); };
  EXPECT_LE(GradientError(expected, &reference_.features, dfeatures), 1e-5);
  for (size_t i = 0; i < specs_.size(); ++i) {
    EXPECT_LE(GradientError(expected, &reference_.weights[i], gradients_[i]),
              1e-5)
        << specs_[i].name;
  }
}

// What is kept of one batch must not reach the next.
TEST_P(AdaptiveSoftmaxTest, ABatchInBetweenLeavesNoTrace) {
  AdaptiveSoftmaxLoss softmax(GetParam());
  const auto all = [&] {
    for (Floats& gradient : gradients_) {
      std::fill(gradient.begin(), gradient.end(), 0.0f);
    }
    Floats dfeatures(features_.size());
    const double loss =
        softmax
            .Run(weight_pointers_, features_.data(), targets_,
                 gradient_pointers_, dfeatures.data(), &executor_)
            .value();
    return std::make_tuple(loss, gradients_, dfeatures);
  };
  const std::vector<int32_t> targets = targets_;
  const auto alone = all();
  // All of them in the last cluster, then as before.
  std::fill(targets_.begin(), targets_.end(), GetParam().vocabulary - 1);
  all();
  // And one that is only measured.
  ASSERT_TRUE(softmax
                  .Run(weight_pointers_, features_.data(), targets_, {},
                       nullptr, &executor_)
                  .ok());
  targets_ = targets;
  EXPECT_EQ(all(), alone);
}

// On dev there is no gradient, but the same loss.
TEST_P(AdaptiveSoftmaxTest, LossWithoutGradientIsTheSame) {
  AdaptiveSoftmaxLoss softmax(GetParam());
  const double loss = softmax
                          .Run(weight_pointers_, features_.data(), targets_, {},
                               nullptr, &executor_)
                          .value();
  EXPECT_NEAR(loss, reference_.Loss(targets_), 1e-5 * loss);
}

// A batch in which nothing counts costs nothing and moves nothing.
TEST_P(AdaptiveSoftmaxTest, WithoutTargetsThereIsNoLossAndNoGradient) {
  AdaptiveSoftmaxLoss softmax(GetParam());
  Floats dfeatures(features_.size(), 7.0f);
  const std::vector<int32_t> none(kRows, -1);
  EXPECT_EQ(softmax
                .Run(weight_pointers_, features_.data(), none,
                     gradient_pointers_, dfeatures.data(), &executor_)
                .value(),
            0.0);
  EXPECT_EQ(dfeatures, Floats(features_.size()));
  for (const Floats& gradient : gradients_) {
    EXPECT_EQ(gradient, Floats(gradient.size()));
  }
}

TEST_P(AdaptiveSoftmaxTest, LogProbabilitiesAreThoseOfTheEquations) {
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < specs_.size(); ++i) {
    tensors.push_back(Tensor::FromFloats(specs_[i].shape, weights_[i]));
  }
  const auto softmax = AdaptiveSoftmax::Create(GetParam(), tensors).value();
  const auto words = static_cast<size_t>(GetParam().vocabulary);
  Floats found(kRows * words);
  ASSERT_TRUE(
      softmax
          ->LogProbabilities(features_.data(), kRows, found.data(), &executor_)
          .ok());
  for (size_t m = 0; m < kRows; ++m) {
    const Doubles expected = reference_.Probabilities(m);
    for (size_t w = 0; w < words; ++w) {
      EXPECT_NEAR(found[m * words + w], std::log(expected[w]), 1e-5);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, AdaptiveSoftmaxTest,
    ::testing::Values(
        // Every bound at its least.
        AdaptiveSoftmaxSizes{.vocabulary = 2, .features = 4, .cutoffs = {1}},
        AdaptiveSoftmaxSizes{.vocabulary = 30, .features = 9, .cutoffs = {5}},
        AdaptiveSoftmaxSizes{
            .vocabulary = 40, .features = 17, .cutoffs = {10, 20}},
        // A cluster of one word.
        AdaptiveSoftmaxSizes{
            .vocabulary = 23, .features = 64, .cutoffs = {3, 11, 22}},
        AdaptiveSoftmaxSizes{
            .vocabulary = 2, .features = 1, .cutoffs = {1}, .tied = true},
        // Narrower than a projection for each cluster would allow.
        AdaptiveSoftmaxSizes{.vocabulary = 23,
                             .features = 9,
                             .cutoffs = {3, 11, 22},
                             .tied = true}),
    [](const auto& sizes) { return "Case" + std::to_string(sizes.index); });

// The names are those under which PyTorch saves them.
TEST(AdaptiveSoftmaxWeightSpecsTest, NamesAndShapesAreThoseOfPyTorch) {
  const auto specs =
      AdaptiveSoftmaxWeightSpecs(
          "output.", {.vocabulary = 100, .features = 32, .cutoffs = {10, 30}})
          .value();
  ASSERT_EQ(specs.size(), 5u);
  EXPECT_EQ(specs[0].name, "output.head.weight");
  EXPECT_EQ(specs[0].shape, (Shape{12, 32}));
  EXPECT_EQ(specs[3].name, "output.tail.1.0.weight");
  EXPECT_EQ(specs[3].shape, (Shape{2, 32}));
  EXPECT_EQ(specs[4].name, "output.tail.1.1.weight");
  EXPECT_EQ(specs[4].shape, (Shape{70, 2}));
}

TEST(AdaptiveSoftmaxWeightSpecsTest, ATiedOneHasTheRowsOfItsClustersOnly) {
  const auto specs = AdaptiveSoftmaxWeightSpecs("output.", {.vocabulary = 100,
                                                            .features = 32,
                                                            .cutoffs = {10, 30},
                                                            .tied = true})
                         .value();
  ASSERT_EQ(specs.size(), 3u);
  EXPECT_EQ(specs[0].name, "output.bias");
  EXPECT_EQ(specs[0].shape, (Shape{100}));
  EXPECT_EQ(specs[1].name, "output.clusters.weight");
  EXPECT_EQ(specs[1].shape, (Shape{2, 32}));
  EXPECT_EQ(specs[2].name, "output.clusters.bias");
  EXPECT_EQ(specs[2].shape, (Shape{2}));
}

// As PyTorch's Linear layers do; a wide layer begins small.
TEST(AdaptiveSoftmaxWeightSpecsTest, BoundsAreThoseOfTheInputs) {
  const auto specs =
      AdaptiveSoftmaxWeightSpecs(
          "", {.vocabulary = 100, .features = 64, .cutoffs = {10}})
          .value();
  EXPECT_FLOAT_EQ(specs[0].bound, 1.0f / 8);  // of 64 features
  EXPECT_FLOAT_EQ(specs[1].bound, 1.0f / 8);
  EXPECT_FLOAT_EQ(specs[2].bound, 1.0f / 4);  // of 16
}

TEST(AdaptiveSoftmaxWeightSpecsTest, BadCutoffsAreRefused) {
  const auto message = [](int features, std::vector<int> cutoffs) {
    return std::string(
        AdaptiveSoftmaxWeightSpecs("", {.vocabulary = 50,
                                        .features = features,
                                        .cutoffs = std::move(cutoffs)})
            .status()
            .message());
  };
  EXPECT_THAT(message(32, {}), HasSubstr("at least one cutoff"));
  EXPECT_THAT(message(32, {20, 20}), HasSubstr("20, 20"));
  EXPECT_THAT(message(32, {10, 50}), HasSubstr("between 1 and 49"));
  EXPECT_THAT(message(8, {10, 20}), HasSubstr("2 clusters of 8 features"));
}

}  // namespace
}  // namespace carousel
