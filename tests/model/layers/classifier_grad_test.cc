// SPDX-License-Identifier: Apache-2.0

#include "model/layers/classifier_grad.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/reference_classifier.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

constexpr int kSteps = 4;
constexpr int kRows = 5;

struct Case {
  Cell cell;
  bool bidirectional;
  PoolingKind pooling;
  ClassifierTraining training;
};

// A classifier in training beside its reference: rows of every length, and one
// without a label.
class ClassifierGradTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    sizes_ = {.vocabulary = 7,
              .embedding = 3,
              .rnn = {.cell = c.cell,
                      .inputs = 3,
                      .hidden = 4,
                      .layers = 2,
                      .bidirectional = c.bidirectional},
              .pooling = c.pooling,
              .pooling_units = c.pooling == PoolingKind::kAttention ? 3 : 0,
              .labels = 3};
    specs_ = WeightSpecs(sizes_).value();
    reference_.sizes = sizes_;
    reference_.weights = RandomReferenceWeights(specs_, 1);
    for (const Doubles& weight : reference_.weights) {
      weights_.push_back(ToFloats(weight));
      gradients_.emplace_back(weight.size());
    }
    for (size_t i = 0; i < weights_.size(); ++i) {
      weight_pointers_.push_back(weights_[i].data());
      gradient_pointers_.push_back(gradients_[i].data());
    }
    Random random(3);
    for (int i = 0; i < kSteps * kRows; ++i) {
      tokens_.push_back(static_cast<int32_t>(random.Below(7)));
    }
    SetResets();
    network_ = ClassifierGrad::Create(sizes_, kSteps, kRows, c.training,
                                      Precision::kF32)
                   .value();
  }

  void SetResets() {
    resets_.assign(kSteps * kRows, 0);
    for (size_t n = 0; n < kRows; ++n) {
      const auto first = static_cast<size_t>(kSteps - lengths_[n]);
      resets_[first * kRows + n] = 1;
    }
  }

  LabelledTexts batch() const {
    return {.texts = {.tokens = tokens_, .lengths = lengths_},
            .resets = resets_,
            .labels = labels_};
  }

  double ReferenceLoss(double smoothing) const {
    return reference_.Loss(tokens_, lengths_, labels_, smoothing);
  }

  // The masks that the network draws for `key`.
  void GiveMasksToReference(DropoutKey key) {
    const ClassifierTraining& training = GetParam().training;
    const int layers = sizes_.rnn.layers;
    for (int k = 0; k <= layers; ++k) {
      const float rate = k == 0       ? training.stack.input
                         : k < layers ? training.stack.layers
                                      : training.stack.output;
      const int width = sizes_.rnn.InputWidth(k);
      auto& mask = reference_.masks.emplace_back(
          rate > 0 ? static_cast<size_t>(kSteps * kRows * width) : 0);
      key.site = k;
      if (rate > 0) FillDropoutMask(key, rate, width, absl::MakeSpan(mask));
    }
    if (training.pooled == 0) return;
    const int width = PooledWidth(sizes_.pooling_sizes());
    reference_.pooled_mask.resize(static_cast<size_t>(kRows * width));
    key.site = StackDropoutSites(sizes_.rnn);
    FillDropoutMask(key, training.pooled, width,
                    absl::MakeSpan(reference_.pooled_mask));
  }

  ClassifierSizes sizes_;
  std::vector<WeightSpec> specs_;
  ReferenceClassifier reference_;
  std::vector<Floats> weights_, gradients_;
  std::vector<const float*> weight_pointers_;
  std::vector<float*> gradient_pointers_;
  std::vector<int32_t> tokens_;
  std::vector<int32_t> lengths_ = {4, 1, 2, 3, 2};
  std::vector<int32_t> labels_ = {0, 2, 1, 2, -1};
  std::vector<uint8_t> resets_;
  std::unique_ptr<ClassifierGrad> network_;
};

// Without dropout and smoothing, whatever the settings of training.
TEST_P(ClassifierGradTest, LossAndRightLabelsAreThoseOfTheEquations) {
  const ClassifierFigures figures =
      network_->Loss(weight_pointers_, batch()).value();
  EXPECT_NEAR(figures.loss, ReferenceLoss(0), 1e-5 * figures.loss);
  EXPECT_EQ(figures.texts, 4);
  const auto p = reference_.Probabilities(tokens_, lengths_);
  int64_t correct = 0;
  for (size_t n = 0; n < 4; ++n) {
    correct +=
        std::max_element(p[n].begin(), p[n].end()) - p[n].begin() == labels_[n];
  }
  EXPECT_EQ(figures.correct, correct);
}

// Every element of every gradient, against central differences in double. What
// attention adds up nearly cancels, so fewer digits remain than elsewhere.
TEST_P(ClassifierGradTest, GradientsAreThoseOfCentralDifferences) {
  const DropoutKey key = {.seed = 3, .step = 17};
  GiveMasksToReference(key);
  const double smoothing =
      static_cast<double>(GetParam().training.label_smoothing);
  const ClassifierFigures figures =
      network_
          ->LossAndGradient(weight_pointers_, batch(), key, gradient_pointers_)
          .value();
  EXPECT_NEAR(figures.loss, ReferenceLoss(smoothing), 1e-5 * figures.loss);
  for (size_t i = 0; i < specs_.size(); ++i) {
    EXPECT_LE(GradientError([&] { return ReferenceLoss(smoothing); },
                            &reference_.weights[i], gradients_[i]),
              1e-4)
        << specs_[i].name;
  }
}

// What is kept of one batch must not reach the next.
TEST_P(ClassifierGradTest, ABatchInBetweenLeavesNoTrace) {
  const auto all = [&] {
    for (Floats& gradient : gradients_) {
      std::fill(gradient.begin(), gradient.end(), 0.0f);
    }
    const ClassifierFigures figures =
        network_
            ->LossAndGradient(weight_pointers_, batch(),
                              {.seed = 3, .step = 17}, gradient_pointers_)
            .value();
    return std::make_pair(figures.loss, gradients_);
  };
  const auto turn_round = [&] {
    std::reverse(tokens_.begin(), tokens_.end());
    std::reverse(lengths_.begin(), lengths_.end());
    std::reverse(labels_.begin(), labels_.end());
    SetResets();
  };
  const auto alone = all();
  turn_round();
  all();
  turn_round();
  EXPECT_EQ(all(), alone);
}

const ClassifierTraining kPlain = {};
const ClassifierTraining kDropping = {
    .stack = {.input = 0.3f, .layers = 0.4f, .output = 0.2f},
    .pooled = 0.5f,
    .label_smoothing = 0.1f};

INSTANTIATE_TEST_SUITE_P(
    Networks, ClassifierGradTest,
    ::testing::Values(
        Case{Cell::kLstm, false, PoolingKind::kLast, kPlain},
        Case{Cell::kLstm, true, PoolingKind::kLast, kDropping},
        Case{Cell::kGru, true, PoolingKind::kConcat, kDropping},
        Case{Cell::kTanhRnn, false, PoolingKind::kMaxMean, kDropping},
        Case{Cell::kLstm, true, PoolingKind::kAttention, kDropping}),
    [](const auto& network) { return "Case" + std::to_string(network.index); });

TEST(ClassifierWeightSpecsTest, SizesThatMakeNoNetworkAreRefused) {
  ClassifierSizes sizes = {.vocabulary = 7,
                           .embedding = 3,
                           .rnn = {.inputs = 3, .hidden = 4, .layers = 1},
                           .labels = 2};
  EXPECT_TRUE(WeightSpecs(sizes).ok());
  sizes.labels = 1;
  EXPECT_THAT(WeightSpecs(sizes).status().message(),
              HasSubstr("labels: 1, expected at least 2"));
  sizes.labels = 2;
  sizes.rnn.inputs = 4;
  EXPECT_THAT(WeightSpecs(sizes).status().message(), HasSubstr("rnn.inputs"));
  sizes.rnn.inputs = 3;
  sizes.pooling = PoolingKind::kAttention;
  EXPECT_THAT(WeightSpecs(sizes).status().message(), HasSubstr("units 0"));
}

}  // namespace
}  // namespace carousel
