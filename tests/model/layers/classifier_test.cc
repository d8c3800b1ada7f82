// SPDX-License-Identifier: Apache-2.0

#include "model/layers/classifier.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/onednn/matmul.h"
#include "tests/testing/reference_classifier.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

ClassifierSizes SizesOf(Cell cell, bool bidirectional, PoolingKind pooling) {
  return {.vocabulary = 9,
          .embedding = 3,
          .rnn = {.cell = cell,
                  .inputs = 3,
                  .hidden = 5,
                  .layers = 2,
                  .bidirectional = bidirectional},
          .pooling = pooling,
          .pooling_units = pooling == PoolingKind::kAttention ? 4 : 0,
          .labels = 3};
}

class ClassifierTest : public ::testing::TestWithParam<ClassifierSizes> {
 protected:
  ClassifierTest()
      : specs_(WeightSpecs(GetParam()).value()),
        reference_{.sizes = GetParam(),
                   .weights = RandomReferenceWeights(specs_, 4),
                   .masks = {},
                   .pooled_mask = {}},
        network_(Classifier::Create(GetParam(),
                                    ToTensors(specs_, reference_.weights))
                     .value()) {}

  Floats LogProbabilities(const std::vector<int32_t>& tokens,
                          const std::vector<int32_t>& lengths) {
    Floats result(lengths.size() * 3);
    EXPECT_TRUE(network_
                    ->LogProbabilities({.tokens = tokens, .lengths = lengths},
                                       absl::MakeSpan(result), &workspace_)
                    .ok());
    return result;
  }

  std::vector<WeightSpec> specs_;
  ReferenceClassifier reference_;
  std::unique_ptr<const Classifier> network_;
  Classifier::Workspace workspace_;
};

// (T, N) = (6, 4)
const std::vector<int32_t> kTokens = {1, 0, 0, 3, 2, 0, 0, 8, 3, 0, 5, 1,
                                      4, 0, 6, 7, 5, 0, 7, 2, 6, 8, 1, 4};
const std::vector<int32_t> kLengths = {6, 1, 4, 6};

TEST_P(ClassifierTest, ServedProbabilitiesAreThoseOfTheEquations) {
  const Floats found = LogProbabilities(kTokens, kLengths);
  const auto expected = reference_.Probabilities(kTokens, kLengths);
  for (size_t n = 0; n < expected.size(); ++n) {
    for (size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(found[n * 3 + k], std::log(expected[n][k]), 1e-5);
    }
  }
}

// A text's answer does not depend on who shares its batch.
TEST_P(ClassifierTest, TextAloneGetsTheAnswerThatItGetsInABatch) {
  const Floats together = LogProbabilities(kTokens, kLengths);
  const Floats alone = LogProbabilities({5, 6, 7, 1}, {4});  // row 2
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(alone[k], together[6 + k], 1e-6);
  }
}

// Of one direction: as if the text ended there.
class ClassifierBeginningsTest : public ClassifierTest {};
TEST_P(ClassifierBeginningsTest, BeginningsGetTheAnswersOfShorterTexts) {
  const std::vector<int32_t> text = {5, 6, 7, 1, 8};
  Floats found((text.size() + 1) * 3);
  ASSERT_TRUE(network_
                  ->BeginningLogProbabilities(
                      text, absl::MakeSpan(found),
                      [] { return absl::OkStatus(); }, &workspace_)
                  .ok());
  for (size_t t = 1; t <= text.size(); ++t) {
    const Floats expected = LogProbabilities({text.begin(), text.begin() + t},
                                             {static_cast<int32_t>(t)});
    for (size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(found[t * 3 + k], expected[k], 1e-5) << t;
    }
  }
  const Doubles& bias = reference_.weights.back();
  for (size_t k = 1; k < 3; ++k) {  // but for the normaliser
    EXPECT_NEAR(found[k] - found[0], bias[k] - bias[0], 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Networks, ClassifierTest,
    ::testing::Values(SizesOf(Cell::kLstm, false, PoolingKind::kLast),
                      SizesOf(Cell::kLstm, true, PoolingKind::kConcat),
                      SizesOf(Cell::kGru, true, PoolingKind::kAttention),
                      SizesOf(Cell::kReluRnn, false, PoolingKind::kMaxMean),
                      SizesOf(Cell::kTanhRnn, true, PoolingKind::kLast)),
    [](const auto& sizes) { return "Case" + std::to_string(sizes.index); });

INSTANTIATE_TEST_SUITE_P(
    Networks, ClassifierBeginningsTest,
    ::testing::Values(SizesOf(Cell::kLstm, false, PoolingKind::kLast),
                      SizesOf(Cell::kGru, false, PoolingKind::kMaxMean),
                      SizesOf(Cell::kLstm, false, PoolingKind::kConcat),
                      SizesOf(Cell::kLstm, false, PoolingKind::kAttention)),
    [](const auto& sizes) { return "Case" + std::to_string(sizes.index); });

class ClassifierPrecisionTest : public ::testing::TestWithParam<Precision> {
 protected:
  ClassifierPrecisionTest() {
    reference_.weights = RandomReferenceWeights(specs_, 4);
    const auto tensors = ToTensors(specs_, reference_.weights);
    exact_ = Classifier::Create(reference_.sizes, tensors).value();
  }

  void SetUp() override {
    const bool supported =
        GetParam() == Precision::kInt8 ? SupportsInt8() : SupportsBF16();
    if (!supported) GTEST_SKIP() << "not on this CPU";
    rounded_ =
        Classifier::Create(reference_.sizes,
                           ToTensors(specs_, reference_.weights), GetParam())
            .value();
  }

  static Floats LogProbabilities(const Classifier& network,
                                 const std::vector<int32_t>& tokens,
                                 const std::vector<int32_t>& lengths) {
    Floats result(lengths.size() * 3);
    Classifier::Workspace workspace;
    EXPECT_TRUE(network
                    .LogProbabilities({.tokens = tokens, .lengths = lengths},
                                      absl::MakeSpan(result), &workspace)
                    .ok());
    return result;
  }

  ReferenceClassifier reference_{
      .sizes = SizesOf(Cell::kLstm, true, PoolingKind::kConcat),
      .weights = {},
      .masks = {},
      .pooled_mask = {}};
  const std::vector<WeightSpec> specs_ = WeightSpecs(reference_.sizes).value();
  std::unique_ptr<const Classifier> exact_, rounded_;
};

// Of the same weights, rounded; that other bits come out shows that they are.
TEST_P(ClassifierPrecisionTest, ComesNearF32) {
  const Floats expected = LogProbabilities(*exact_, kTokens, kLengths);
  const Floats found = LogProbabilities(*rounded_, kTokens, kLengths);
  EXPECT_NE(found, expected);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 0.02) << i;
  }
}

// But for pooling and output, which are f32.
TEST_P(ClassifierPrecisionTest, TextAloneGetsTheAnswerThatItGetsInABatch) {
  const Floats together = LogProbabilities(*rounded_, kTokens, kLengths);
  const Floats alone = LogProbabilities(*rounded_, {5, 6, 7, 1}, {4});
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(alone[k], together[6 + k], 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, ClassifierPrecisionTest,
                         ::testing::Values(Precision::kBF16, Precision::kInt8),
                         [](const auto& precision) {
                           return precision.param == Precision::kInt8 ? "Int8"
                                                                      : "BF16";
                         });

// A weight of another shape is named.
TEST(ClassifierCreateTest, WrongShapeIsNamed) {
  const ClassifierSizes sizes = SizesOf(Cell::kLstm, false, PoolingKind::kLast);
  auto specs = WeightSpecs(sizes).value();
  specs.back().shape = {7};
  const auto network = Classifier::Create(
      sizes, ToTensors(specs, RandomReferenceWeights(specs, 1)));
  EXPECT_EQ(network.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(network.status().message(), HasSubstr("output.bias"));
}

}  // namespace
}  // namespace carousel
