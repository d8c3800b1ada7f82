// SPDX-License-Identifier: Apache-2.0

#include "model/layers/language_model_grad.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/layers/dropout.h"
#include "tests/testing/reference_language_model.h"

namespace carousel {
namespace {

struct Text {
  std::vector<int32_t> inputs, targets;
  std::vector<uint8_t> resets;
};

Text RandomText(int vocabulary, int cells, uint64_t seed) {
  Random random(seed);
  Text text;
  const auto v = static_cast<uint64_t>(vocabulary);
  for (int i = 0; i < cells; ++i) {
    text.inputs.push_back(static_cast<int32_t>(random.Below(v)));
    text.targets.push_back(
        random.Below(7) == 0 ? -1 : static_cast<int32_t>(random.Below(v)));
    text.resets.push_back(random.Below(5) == 0);
  }
  return text;
}

// A network in training beside its reference.
struct Case {
  LanguageModelSizes sizes;
  int steps, rows;
  LanguageModelDropout dropout;
};

class LanguageModelGradTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    reference_ = RandomReferenceModel(c.sizes, 5);
    tensors_ = ToTensors(reference_);
    for (const Tensor& tensor : tensors_) {
      weights_.push_back(tensor.data<float>());
      gradients_.emplace_back(static_cast<size_t>(tensor.size()));
    }
    for (auto& gradient : gradients_) {
      gradient_pointers_.push_back(gradient.data());
    }
    text_ = RandomText(c.sizes.vocabulary, c.steps * c.rows, 6);
    state_ = ZeroState(c.sizes.stack(), c.rows);
    network_ =
        LanguageModelGrad::Create(c.sizes, c.steps, c.rows, c.dropout).value();
  }

  LanguageModelStretch stretch() const {
    return {.inputs = text_.inputs,
            .targets = text_.targets,
            .resets = text_.resets};
  }

  double ReferenceLoss() const {
    return reference_.Loss(text_.inputs, text_.targets, text_.resets,
                           static_cast<size_t>(GetParam().rows));
  }

  // The masks that the network draws for `key`.
  void GiveMasksToReference(DropoutKey key) {
    const Case& c = GetParam();
    const auto cells = static_cast<size_t>(c.steps * c.rows);
    for (int k = 0; k <= c.sizes.layers; ++k) {
      const float rate = k == 0               ? c.dropout.embedding
                         : k < c.sizes.layers ? c.dropout.layers
                                              : c.dropout.output;
      const int width = k == 0 ? c.sizes.embedding : c.sizes.hidden;
      auto& mask = reference_.masks.emplace_back(
          rate > 0 ? cells * static_cast<size_t>(width) : 0);
      key.site = k;
      if (rate > 0) {
        FillDropoutMask(key, rate, width, absl::MakeSpan(mask));
      }
    }
    if (c.dropout.embedding_rows == 0) return;
    reference_.word_mask.resize(static_cast<size_t>(c.sizes.vocabulary));
    key.site = StackDropoutSites(c.sizes.stack());
    FillDropoutMask(key, c.dropout.embedding_rows, c.sizes.vocabulary,
                    absl::MakeSpan(reference_.word_mask));
  }

  ReferenceLanguageModel reference_;
  std::vector<Tensor> tensors_;
  std::vector<const float*> weights_;
  std::vector<std::vector<float>> gradients_;
  std::vector<float*> gradient_pointers_;
  Text text_;
  RecurrentState state_;
  std::unique_ptr<LanguageModelGrad> network_;
};

// The forward pass of training is judged by loops over the equations.
TEST_P(LanguageModelGradTest, LossIsThatOfTheEquations) {
  const double loss = network_->Loss(weights_, stretch(), &state_).value();
  EXPECT_NEAR(loss, ReferenceLoss(), 1e-5 * ReferenceLoss());
}

// Every element of every gradient, against central differences in double of a
// forward pass that shares no code with it.
TEST_P(LanguageModelGradTest, GradientsAreThoseOfCentralDifferences) {
  const DropoutKey key = {.seed = 3, .step = 17};
  GiveMasksToReference(key);
  const double loss = network_
                          ->LossAndGradient(weights_, stretch(), key, &state_,
                                            gradient_pointers_)
                          .value();
  EXPECT_NEAR(loss, ReferenceLoss(), 1e-5 * ReferenceLoss());
  constexpr double kEpsilon = 1e-5;
  const auto specs = WeightSpecs(GetParam().sizes).value();
  for (size_t i = 0; i < specs.size(); ++i) {
    double difference = 0;
    double norm = 0;
    for (size_t k = 0; k < gradients_[i].size(); ++k) {
      double& weight = reference_.weights[i][k];
      const double before = weight;
      weight = before + kEpsilon;
      const double above = ReferenceLoss();
      weight = before - kEpsilon;
      const double below = ReferenceLoss();
      weight = before;
      const double expected = (above - below) / (2 * kEpsilon);
      difference +=
          std::pow(expected - static_cast<double>(gradients_[i][k]), 2);
      norm += expected * expected;
    }
    EXPECT_LE(std::sqrt(difference), 1e-5 * std::sqrt(norm)) << specs[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, LanguageModelGradTest,
    ::testing::Values(
        // One step, one row, one unit: every bound at its least.
        Case{{.vocabulary = 5, .embedding = 1, .hidden = 1, .layers = 1},
             1,
             1,
             {}},
        Case{{.vocabulary = 7, .embedding = 4, .hidden = 4, .layers = 2},
             6,
             3,
             {}},
        Case{{.vocabulary = 9,
              .embedding = 3,
              .hidden = 5,
              .layers = 2,
              .projection = true},
             5,
             2,
             {.embedding = 0.3f, .layers = 0.4f, .output = 0.5f}},
        Case{{.vocabulary = 6,
              .embedding = 5,
              .hidden = 7,
              .layers = 3,
              .projection = true,
              .tied = false},
             4,
             1,
             {.layers = 0.5f}},
        Case{{.vocabulary = 6,
              .embedding = 4,
              .hidden = 4,
              .layers = 3,
              .cell = Cell::kGru,
              .residual = true},
             4,
             2,
             {.layers = 0.3f, .embedding_rows = 0.4f}},
        Case{{.vocabulary = 8,
              .embedding = 3,
              .hidden = 6,
              .layers = 1,
              .projection = true,
              .cell = Cell::kReluRnn},
             4,
             2,
             {.embedding_rows = 0.4f}},
        Case{{.vocabulary = 11,
              .embedding = 17,
              .hidden = 17,
              .layers = 1,
              .tied = false},
             3,
             5,
             {}},
        Case{{.vocabulary = 11,
              .embedding = 16,
              .hidden = 5,
              .layers = 1,
              .projection = true,
              .tied = false,
              .cutoffs = {3, 7}},
             4,
             3,
             {}},
        Case{{.vocabulary = 11,
              .embedding = 4,
              .hidden = 5,
              .layers = 1,
              .projection = true,
              .cutoffs = {3, 7}},
             4,
             3,
             {.output = 0.3f, .embedding_rows = 0.3f}}),
    [](const auto& shape) { return "Case" + std::to_string(shape.index); });

}  // namespace
}  // namespace carousel
