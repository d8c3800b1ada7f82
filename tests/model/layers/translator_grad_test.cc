// SPDX-License-Identifier: Apache-2.0

#include "model/layers/translator_grad.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
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
  float label_smoothing = 0;
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
    network_ = MakeNetwork(nullptr);
  }

  static std::unique_ptr<TranslatorGrad> MakeNetwork(
      std::shared_ptr<OutputLayerLoss> output) {
    const Case& c = GetParam();
    return TranslatorGrad::Create(
               c.sizes,
               {.steps = c.steps,
                .rows = c.rows,
                .source_steps = c.source_steps},
               {.dropout = c.dropout, .label_smoothing = c.label_smoothing},
               std::move(output))
        .value();
  }

  struct Result {
    double loss;
    std::vector<std::vector<float>> gradients;

    bool operator==(const Result&) const = default;
  };

  // Of pairs_, from zero gradients on.
  Result Train(TranslatorGrad* network) {
    for (auto& gradient : gradients_) {
      std::fill(gradient.begin(), gradient.end(), 0.0f);
    }
    const double loss =
        network->LossAndGradient(weights_, batch(), kKey, pointers_, &executor_)
            .value();
    return {loss, gradients_};
  }

  TranslatorBatch batch() const {
    return {.source = pairs_.source,
            .resets = pairs_.resets,
            .target_in = pairs_.target_in,
            .targets = pairs_.targets};
  }

  // (steps, N, width), or empty. A variational mask is that of each step.
  static std::vector<float> Mask(int site, float rate, int steps, int width) {
    if (rate == 0) return {};
    const Case& c = GetParam();
    const int drawn = c.dropout.variational ? 1 : steps;
    std::vector<float> mask(static_cast<size_t>(drawn * c.rows * width));
    DropoutKey key = kKey;
    key.site = site;
    FillDropoutMask(key, rate, width, absl::MakeSpan(mask));
    std::vector<float> all;
    for (int i = 0; i < steps / drawn; ++i) {
      all.insert(all.end(), mask.begin(), mask.end());
    }
    return all;
  }

  // The masks that a stack draws from its site on.
  static std::vector<std::vector<float>> StackMasks(const StackSizes& sizes,
                                                    int site, int steps) {
    const StackDropout& dropout = GetParam().dropout;
    std::vector<std::vector<float>> masks;
    for (int k = 0; k < sizes.layers; ++k) {
      masks.push_back(Mask(site + k, k == 0 ? dropout.input : dropout.layers,
                           steps, sizes.InputWidth(k)));
    }
    masks.emplace_back();
    return masks;
  }

  // Those of its weight_hh.
  static std::vector<std::vector<float>> WeightMasks(const StackSizes& sizes,
                                                     int site) {
    std::vector<std::vector<float>> masks;
    const float rate = GetParam().dropout.weight_drop;
    if (rate == 0) return masks;
    DropoutKey key = kKey;
    key.site = site + sizes.layers + 1;
    for (int i = 0; i < sizes.layers * sizes.directions(); ++i, ++key.site) {
      auto& mask = masks.emplace_back(static_cast<size_t>(
          GateCount(sizes.cell) * sizes.hidden * sizes.hidden));
      FillDropoutMask(key, rate, sizes.hidden, absl::MakeSpan(mask));
    }
    return masks;
  }

  void GiveMasksToReference() {
    const Case& c = GetParam();
    const int site = StackDropoutSites(c.sizes.encoder);
    reference_.encoder_masks = StackMasks(c.sizes.encoder, 0, c.source_steps);
    reference_.decoder_masks = StackMasks(c.sizes.decoder, site, c.steps);
    reference_.encoder_weight_masks = WeightMasks(c.sizes.encoder, 0);
    reference_.decoder_weight_masks = WeightMasks(c.sizes.decoder, site);
    reference_.feature_masks =
        Mask(site + StackDropoutSites(c.sizes.decoder), c.dropout.output,
             c.steps, c.sizes.decoder_sizes().features());
  }

  static constexpr DropoutKey kKey = {.seed = 3, .step = 17};

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
  GiveMasksToReference();
  const auto smoothing = static_cast<double>(GetParam().label_smoothing);
  const auto expected = [&] { return reference_.Loss(pairs_, smoothing); };
  const Result found = Train(network_.get());
  EXPECT_NEAR(found.loss, expected(), 1e-5 * found.loss);
  for (size_t i = 0; i < specs_.size(); ++i) {
    EXPECT_LE(
        GradientError(expected, &reference_.weights[i], found.gradients[i]),
        1e-4)
        << specs_[i].name;
  }
}

// What a network keeps of one batch must not reach the next, nor what is in an
// output layer that it shares with another.
TEST_P(TranslatorGradTest, BatchesLeaveNoTraceInOneAnother) {
  const ReferencePairs first = pairs_;
  const Result alone = Train(network_.get());
  pairs_ = RandomPairs(GetParam().sizes, first.source_steps, first.steps,
                       first.rows, 9);
  Train(network_.get());
  pairs_ = first;
  EXPECT_EQ(Train(network_.get()), alone);

  const auto shared = std::make_shared<OutputLayerLoss>(
      GetParam().sizes.target_vocabulary,
      GetParam().sizes.decoder_sizes().features());
  const auto one = MakeNetwork(shared), other = MakeNetwork(shared);
  EXPECT_EQ(Train(one.get()), alone);
  EXPECT_EQ(Train(other.get()), alone);
  EXPECT_EQ(Train(one.get()), alone);
}

// A row's text has one beginning.
TEST_P(TranslatorGradTest, ARowWithoutAResetIsAMistake) {
  std::fill(pairs_.resets.begin(), pairs_.resets.end(), uint8_t{0});
  EXPECT_DEATH((void)network_->Loss(weights_, batch(), &executor_),
               "check failed: resets == 1");
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
        // Merity et al. 2017 and Szegedy et al. 2016: one mask for all steps,
        // dropped weights, a share of the target for all words.
        Case{"VariationalWeightDropAndSmoothing",
             {.source_vocabulary = 6,
              .target_vocabulary = 7,
              .embedding = 3,
              .encoder = Stack(Cell::kLstm, 3, 2, 2, true),
              .decoder = Stack(Cell::kLstm, 3, 4, 2),
              .attention = AttentionKind::kGeneral},
             4,
             3,
             2,
             {.input = 0.2f,
              .layers = 0.3f,
              .output = 0.4f,
              .variational = true,
              .weight_drop = 0.3f},
             0.1f},
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
