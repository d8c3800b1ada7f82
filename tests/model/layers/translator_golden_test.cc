// SPDX-License-Identifier: Apache-2.0
//
// Agreement with PyTorch on texts of different lengths: the loss within 1e-5,
// gradients within 1e-4 relative. tests/golden/make_translator_golden.py wrote
// the numbers, from packed sequences and a masked softmax.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/layers/translator_grad.h"
#include "model/weights/safetensors.h"
#include "tests/testing/gradient_check.h"

namespace carousel {
namespace {

constexpr int kEmbedding = 6;
constexpr int kHidden = 8;

TranslatorSizes Sizes(bool attention) {
  return {.source_vocabulary = 11,
          .target_vocabulary = 13,
          .embedding = kEmbedding,
          .encoder = {.cell = Cell::kLstm,
                      .inputs = kEmbedding,
                      .hidden = attention ? kHidden / 2 : kHidden,
                      .layers = 2,
                      .bidirectional = attention},
          .decoder = {.cell = Cell::kLstm,
                      .inputs = kEmbedding,
                      .hidden = kHidden,
                      .layers = 2},
          .attention = attention ? std::optional(AttentionKind::kGeneral)
                                 : std::nullopt};
}

class TranslatorGoldenTest : public ::testing::TestWithParam<bool> {
 protected:
  Tensor Get(const std::string& name) const {
    const char* kind = GetParam() ? "attention." : "plain.";
    return golden_->Get(absl::StrCat(kind, name)).value();
  }

  std::vector<int32_t> Ints(const std::string& name) const {
    const Tensor tensor = Get(name);
    return {tensor.span<int32_t>().begin(), tensor.span<int32_t>().end()};
  }

  const std::unique_ptr<const Safetensors> golden_ =
      Safetensors::Open(absl::StrCat(CAROUSEL_SOURCE_DIR,
                                     "/tests/golden/translator.safetensors"))
          .value();
};

TEST_P(TranslatorGoldenTest, LossAndGradientsAreThoseOfPyTorch) {
  const TranslatorSizes sizes = Sizes(GetParam());
  const auto specs = WeightSpecs(sizes).value();
  std::vector<Tensor> tensors;
  std::vector<const float*> weights;
  std::vector<Floats> gradients;
  std::vector<float*> pointers;
  for (const WeightSpec& spec : specs) {
    tensors.push_back(Get(absl::StrCat("weights.", spec.name)));
    ASSERT_EQ(tensors.back().shape(), spec.shape) << spec.name;
    weights.push_back(tensors.back().data<float>());
    gradients.emplace_back(static_cast<size_t>(tensors.back().size()));
  }
  for (Floats& gradient : gradients) pointers.push_back(gradient.data());
  const auto source = Ints("source"), target_in = Ints("target_in");
  const auto targets = Ints("targets"), reset_ints = Ints("resets");
  const std::vector<uint8_t> resets(reset_ints.begin(), reset_ints.end());
  const auto network =
      TranslatorGrad::Create(sizes, {.steps = 4, .rows = 3, .source_steps = 5},
                             {})
          .value();
  Executor executor;
  const double loss = network
                          ->LossAndGradient(weights,
                                            {.source = source,
                                             .resets = resets,
                                             .target_in = target_in,
                                             .targets = targets},
                                            {}, pointers, &executor)
                          .value();
  const auto expected = static_cast<double>(Get("loss").data<float>()[0]);
  EXPECT_NEAR(loss, expected, 1e-5 * expected);
  for (size_t i = 0; i < specs.size(); ++i) {
    const Tensor gradient = Get(absl::StrCat("gradients.", specs[i].name));
    const auto span = gradient.span<float>();
    EXPECT_LE(
        RelativeDifference(gradients[i], Doubles(span.begin(), span.end())),
        1e-4)
        << specs[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TranslatorGoldenTest, ::testing::Bool(),
                         [](const auto& kind) {
                           return kind.param ? "Attention" : "Plain";
                         });

}  // namespace
}  // namespace carousel
