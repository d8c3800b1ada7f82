// SPDX-License-Identifier: Apache-2.0

#include "model/layers/translator_grad.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/layers/dropout.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/reference_translator.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

struct Case {
  std::string name;
  TranslatorSizes sizes;
  int source_steps, steps, rows;
  StackDropout dropout;
};

// A network in training beside its reference.
class TranslatorGradTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    specs_ = WeightSpecs(c.sizes).value();
    reference_ = {.sizes = c.sizes,
                  .weights = RandomReferenceWeights(specs_, 3),
                  .encoder_masks = {},
                  .decoder_masks = {},
                  .feature_masks = {}};
    tensors_ = ToTensors(specs_, reference_.weights);
    for (const Tensor& tensor : tensors_) {
      weights_.push_back(tensor.data<float>());
      gradients_.emplace_back(static_cast<size_t>(tensor.size()));
    }
    for (auto& gradient : gradients_) pointers_.push_back(gradient.data());
    pairs_ = RandomPairs(c.sizes, static_cast<size_t>(c.source_steps),
                         static_cast<size_t>(c.steps),
                         static_cast<size_t>(c.rows), 6);
    network_ =
        TranslatorGrad::Create(
            c.sizes,
            {.steps = c.steps, .rows = c.rows, .source_steps = c.source_steps},
            {.dropout = c.dropout})
            .value();
  }

  TranslatorBatch batch() const {
    return {.source = pairs_.source,
            .resets = pairs_.resets,
            .target_in = pairs_.target_in,
            .targets = pairs_.targets};
  }

  static std::vector<float> Mask(DropoutKey key, int site, float rate,
                                 int cells, int width) {
    std::vector<float> mask(
        rate > 0 ? static_cast<size_t>(cells) * static_cast<size_t>(width) : 0);
    key.site = site;
    FillDropoutMask(key, rate, width, absl::MakeSpan(mask));
    return mask;
  }

  // The masks that a stack draws for `key`, from its site on.
  static std::vector<std::vector<float>> StackMasks(const StackSizes& sizes,
                                                    const StackDropout& dropout,
                                                    const DropoutKey& key,
                                                    int site, int cells) {
    std::vector<std::vector<float>> masks;
    for (int k = 0; k < sizes.layers; ++k) {
      masks.push_back(Mask(key, site + k,
                           k == 0 ? dropout.input : dropout.layers, cells,
                           sizes.InputWidth(k)));
    }
    masks.emplace_back();
    return masks;
  }

  void GiveMasksToReference(const DropoutKey& key) {
    const Case& c = GetParam();
    const int encoder_sites = StackDropoutSites(c.sizes.encoder);
    reference_.encoder_masks =
        StackMasks(c.sizes.encoder, c.dropout, key, 0, c.source_steps * c.rows);
    reference_.decoder_masks = StackMasks(c.sizes.decoder, c.dropout, key,
                                          encoder_sites, c.steps * c.rows);
    reference_.feature_masks = Mask(
        key, encoder_sites + StackDropoutSites(c.sizes.decoder),
        c.dropout.output, c.steps * c.rows, c.sizes.decoder_sizes().features());
  }

  std::vector<WeightSpec> specs_;
  ReferenceTranslator reference_;
  std::vector<Tensor> tensors_;
  std::vector<const float*> weights_;
  std::vector<std::vector<float>> gradients_;
  std::vector<float*> pointers_;
  ReferencePairs pairs_;
  std::unique_ptr<TranslatorGrad> network_;
  Executor executor_;
};

// The forward pass of training is judged by loops over the equations.
TEST_P(TranslatorGradTest, LossIsThatOfTheEquations) {
  const double expected = reference_.Loss(pairs_);
  const double loss = network_->Loss(weights_, batch(), &executor_).value();
  EXPECT_NEAR(loss, expected, 1e-5 * expected);
}

// Every element of every gradient, against central differences in double of a
// forward pass that shares no code with it. Rows have different lengths.
TEST_P(TranslatorGradTest, GradientsAreThoseOfCentralDifferences) {
  const DropoutKey key = {.seed = 3, .step = 17};
  GiveMasksToReference(key);
  const double expected = reference_.Loss(pairs_);
  const double loss =
      network_->LossAndGradient(weights_, batch(), key, pointers_, &executor_)
          .value();
  EXPECT_NEAR(loss, expected, 1e-5 * expected);
  for (size_t i = 0; i < specs_.size(); ++i) {
    EXPECT_LE(GradientError([&] { return reference_.Loss(pairs_); },
                            &reference_.weights[i], gradients_[i]),
              1e-4)
        << specs_[i].name;
  }
}

// What stands in the padding must not matter.
TEST_P(TranslatorGradTest, PaddingCountsForNothing) {
  const double before = network_->Loss(weights_, batch(), &executor_).value();
  for (size_t n = 0; n < pairs_.rows; ++n) {
    for (size_t s = 0; s < pairs_.First(n); ++s) {
      pairs_.source[s * pairs_.rows + n] = 0;
    }
    for (size_t t = 0; t < pairs_.steps; ++t) {
      const size_t cell = t * pairs_.rows + n;
      if (pairs_.targets[cell] < 0) pairs_.target_in[cell] = 0;
    }
  }
  EXPECT_EQ(network_->Loss(weights_, batch(), &executor_).value(), before);
}

StackSizes Stack(Cell cell, int inputs, int hidden, int layers,
                 bool bidirectional = false, bool residual = false) {
  return {.cell = cell,
          .inputs = inputs,
          .hidden = hidden,
          .layers = layers,
          .bidirectional = bidirectional,
          .residual = residual};
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, TranslatorGradTest,
    ::testing::Values(
        // One of everything: every bound at its least.
        Case{"Least",
             {.source_vocabulary = 3,
              .target_vocabulary = 3,
              .embedding = 1,
              .encoder = Stack(Cell::kLstm, 1, 1, 1),
              .decoder = Stack(Cell::kLstm, 1, 1, 1),
              .attention = AttentionKind::kDot},
             1,
             1,
             1,
             {}},
        // Sutskever, Vinyals, Le 2014: the state is all that is handed over.
        Case{"ReversedWithoutAttention",
             {.source_vocabulary = 7,
              .target_vocabulary = 6,
              .embedding = 3,
              .encoder = Stack(Cell::kLstm, 3, 4, 2),
              .decoder = Stack(Cell::kLstm, 3, 4, 2),
              .attention = {},
              .reverse_input = true},
             5,
             4,
             3,
             {.input = 0.2f, .layers = 0.3f, .output = 0.4f}},
        // Luong et al. 2015.
        Case{"General",
             {.source_vocabulary = 7,
              .target_vocabulary = 8,
              .embedding = 4,
              .encoder = Stack(Cell::kLstm, 4, 3, 2),
              .decoder = Stack(Cell::kLstm, 4, 3, 2),
              .attention = AttentionKind::kGeneral},
             6,
             3,
             3,
             {.input = 0.2f, .layers = 0.3f, .output = 0.4f}},
        // Both directions, another cell and other sizes: over the bridge.
        Case{"Bidirectional",
             {.source_vocabulary = 9,
              .target_vocabulary = 7,
              .embedding = 3,
              .encoder = Stack(Cell::kGru, 3, 2, 2, true),
              .decoder = Stack(Cell::kLstm, 3, 5, 2),
              .attention = AttentionKind::kGeneral,
              .reverse_input = true,
              .tied = true},
             4,
             5,
             3,
             {}},
        // Bahdanau et al. 2015, one vocabulary, residual.
        Case{"Additive",
             {.source_vocabulary = 8,
              .target_vocabulary = 8,
              .embedding = 4,
              .encoder = Stack(Cell::kGru, 4, 2, 3, true, true),
              .decoder = Stack(Cell::kGru, 4, 4, 2, false, true),
              .attention = AttentionKind::kAdditive,
              .tied = true,
              .shared_embedding = true},
             3,
             4,
             2,
             {.output = 0.5f}},
        // A projection without attention.
        Case{"Rnn",
             {.source_vocabulary = 5,
              .target_vocabulary = 9,
              .embedding = 3,
              .encoder = Stack(Cell::kTanhRnn, 3, 4, 1),
              .decoder = Stack(Cell::kTanhRnn, 3, 4, 1),
              .attention = {},
              .tied = true},
             4,
             3,
             2,
             {}}),
    [](const auto& shape) { return shape.param.name; });

// Sizes that do not make a network are told, not computed.
TEST(TranslatorSpecsTest, SizesThatDoNotFitAreRefused) {
  TranslatorSizes sizes = {.source_vocabulary = 5,
                           .target_vocabulary = 6,
                           .embedding = 3,
                           .encoder = Stack(Cell::kLstm, 3, 4, 1, true),
                           .decoder = Stack(Cell::kLstm, 3, 4, 1),
                           .attention = AttentionKind::kGeneral};
  EXPECT_THAT(WeightSpecs(sizes), IsOk());
  sizes.shared_embedding = true;
  EXPECT_THAT(WeightSpecs(sizes),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("one vocabulary")));
  sizes.shared_embedding = false;
  sizes.attention = AttentionKind::kDot;
  EXPECT_THAT(WeightSpecs(sizes), StatusIs(absl::StatusCode::kInvalidArgument));
  sizes.attention = {};
  sizes.decoder.bidirectional = true;
  EXPECT_THAT(WeightSpecs(sizes),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("one direction")));
}

}  // namespace
}  // namespace carousel
