// SPDX-License-Identifier: Apache-2.0
//
// Agreement of attention, pooling, adaptive softmax and label smoothing with
// PyTorch: outputs within 1e-5, gradients within 1e-4 relative.
// tests/golden/make_heads_golden.py wrote the numbers.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/layers/adaptive_softmax.h"
#include "model/layers/adaptive_softmax_grad.h"
#include "model/layers/attention_grad.h"
#include "model/layers/head_kernels.h"
#include "model/layers/pooling_grad.h"
#include "model/weights/safetensors.h"
#include "tests/testing/gradient_check.h"

namespace carousel {
namespace {

using ::testing::FloatNear;
using ::testing::Pointwise;

const std::vector<int32_t> kFirst = {0, 2, 4, 1};

// One part of the golden file: its tensors, and weights with gradients.
class Golden {
 public:
  explicit Golden(const std::string& part)
      : part_(part),
        file_(Safetensors::Open(absl::StrCat(CAROUSEL_SOURCE_DIR,
                                             "/tests/golden/heads.safetensors"))
                  .value()) {}

  Tensor Get(const std::string& name) const {
    return file_->Get(absl::StrCat(part_, ".", name)).value();
  }

  Floats Values(const std::string& name) const {
    const Tensor tensor = Get(name);
    return {tensor.span<float>().begin(), tensor.span<float>().end()};
  }

  std::vector<int32_t> Integers(const std::string& name) const {
    const Tensor tensor = Get(name);
    return {tensor.span<int32_t>().begin(), tensor.span<int32_t>().end()};
  }

  void Load(const std::vector<WeightSpec>& specs) {
    for (const WeightSpec& spec : specs) {
      EXPECT_EQ(Get(spec.name).shape(), spec.shape) << spec.name;
      names_.push_back(spec.name);
      tensors_.push_back(Get(spec.name));
      weights.push_back(tensors_.back().data<float>());
      gradients_.emplace_back(static_cast<size_t>(tensors_.back().size()));
    }
    for (Floats& gradient : gradients_) gradients.push_back(gradient.data());
  }

  void ExpectGradients() const {
    for (size_t i = 0; i < names_.size(); ++i) {
      ExpectGradient(names_[i], gradients_[i]);
    }
  }

  void ExpectGradient(const std::string& name, const Floats& found) const {
    const Floats expected = Values("gradients." + name);
    EXPECT_LE(
        RelativeDifference(found, Doubles(expected.begin(), expected.end())),
        1e-4)
        << name;
  }

  const std::vector<Tensor>& tensors() const { return tensors_; }

  std::vector<const float*> weights;
  std::vector<float*> gradients;

 private:
  const std::string part_;
  const std::unique_ptr<const Safetensors> file_;
  std::vector<std::string> names_;
  std::vector<Tensor> tensors_;
  std::vector<Floats> gradients_;
};

class AttentionGoldenTest : public ::testing::TestWithParam<AttentionKind> {};

TEST_P(AttentionGoldenTest, ContextAndGradientsAreThoseOfPyTorch) {
  const AttentionKind kind = GetParam();
  const AttentionSizes sizes = {
      .kind = kind,
      .memory = 6,
      .query = kind == AttentionKind::kDot ? 6 : 4,
      .units = kind == AttentionKind::kAdditive ? 5 : 0};
  Golden golden(absl::StrCat("attention_", AttentionKindName(kind)));
  golden.Load(AttentionWeightSpecs(sizes).value());
  const Floats memory = golden.Values("memory");
  const Floats queries = golden.Values("queries");
  const Floats factors = golden.Values("factors");
  Executor executor;
  AttentionGrad attention(sizes, 5, 4, 3);
  ASSERT_TRUE(
      attention.Begin(golden.weights, memory.data(), kFirst, &executor).ok());
  ASSERT_TRUE(
      attention.Forward(golden.weights, {0, 3}, queries.data(), &executor)
          .ok());
  const Floats context = golden.Values("context");
  EXPECT_THAT(Floats(attention.context(), attention.context() + context.size()),
              Pointwise(FloatNear(1e-5f), context));
  const Floats alignments = golden.Values("alignments");
  EXPECT_THAT(Floats(attention.alignments(),
                     attention.alignments() + alignments.size()),
              Pointwise(FloatNear(1e-5f), alignments));

  Floats dmemory(memory.size()), dqueries(queries.size());
  ASSERT_TRUE(attention
                  .Backward(golden.weights, {0, 3}, queries.data(),
                            factors.data(), dqueries.data(), golden.gradients,
                            &executor)
                  .ok());
  ASSERT_TRUE(
      attention.End(golden.weights, dmemory.data(), golden.gradients, &executor)
          .ok());
  golden.ExpectGradient("memory", dmemory);
  golden.ExpectGradient("queries", dqueries);
  golden.ExpectGradients();
}
INSTANTIATE_TEST_SUITE_P(Kinds, AttentionGoldenTest,
                         ::testing::Values(AttentionKind::kDot,
                                           AttentionKind::kGeneral,
                                           AttentionKind::kAdditive));

class PoolingGoldenTest : public ::testing::TestWithParam<PoolingKind> {};

TEST_P(PoolingGoldenTest, PooledAndGradientsAreThoseOfPyTorch) {
  const PoolingKind kind = GetParam();
  const PoolingSizes sizes = {.kind = kind,
                              .width = 6,
                              .units = kind == PoolingKind::kAttention ? 5 : 0};
  Golden golden(absl::StrCat("pooling_", PoolingKindName(kind)));
  golden.Load(PoolingWeightSpecs(sizes).value());
  const Floats states = golden.Values("states");
  const Floats factors = golden.Values("factors");
  Executor executor;
  PoolingGrad pooling(sizes, 5, 4);
  ASSERT_TRUE(
      pooling.Forward(golden.weights, states.data(), kFirst, &executor).ok());
  const Floats pooled = golden.Values("pooled");
  EXPECT_THAT(Floats(pooling.pooled(), pooling.pooled() + pooled.size()),
              Pointwise(FloatNear(1e-5f), pooled));

  Floats dstates(states.size());
  ASSERT_TRUE(pooling
                  .Backward(golden.weights, factors.data(), dstates.data(),
                            golden.gradients, &executor)
                  .ok());
  golden.ExpectGradient("states", dstates);
  golden.ExpectGradients();
}
INSTANTIATE_TEST_SUITE_P(Kinds, PoolingGoldenTest,
                         ::testing::Values(PoolingKind::kLast,
                                           PoolingKind::kMaxMean,
                                           PoolingKind::kConcat,
                                           PoolingKind::kAttention));

TEST(AdaptiveSoftmaxGoldenTest,
     LossGradientsAndProbabilitiesAreThoseOfPyTorch) {
  const AdaptiveSoftmaxSizes sizes = {
      .vocabulary = 40, .features = 17, .cutoffs = {10, 20}};
  Golden golden("adaptive_softmax");
  golden.Load(AdaptiveSoftmaxWeightSpecs("", sizes).value());
  const Floats features = golden.Values("features");
  Executor executor;
  AdaptiveSoftmaxLoss loss(sizes);
  Floats dfeatures(features.size());
  const double found =
      loss.Run(golden.weights, features.data(), golden.Integers("targets"),
               golden.gradients, dfeatures.data(), &executor)
          .value();
  EXPECT_NEAR(found, golden.Values("loss")[0], 1e-5 * found);
  golden.ExpectGradient("features", dfeatures);
  golden.ExpectGradients();

  const auto softmax = AdaptiveSoftmax::Create(sizes, golden.tensors()).value();
  const Floats expected = golden.Values("log_probabilities");
  Floats log_probabilities(expected.size());
  ASSERT_TRUE(softmax
                  ->LogProbabilities(features.data(), 30,
                                     log_probabilities.data(), &executor)
                  .ok());
  EXPECT_THAT(log_probabilities, Pointwise(FloatNear(1e-5f), expected));
}

TEST(LabelSmoothingGoldenTest, LossAndGradientAreThoseOfPyTorch) {
  const Golden golden("label_smoothing");
  Floats logits = golden.Values("logits");
  const Floats bias = golden.Values("bias");
  const Floats losses = golden.Values("losses");
  const std::vector<int32_t> targets = golden.Integers("targets");
  for (size_t row = 0; row < targets.size(); ++row) {
    EXPECT_NEAR(
        GetKernels().heads->smoothed_cross_entropy(
            40, logits.data() + 40 * row, bias.data(), targets[row], 0.1f),
        losses[row], 1e-5);
  }
  golden.ExpectGradient("logits", logits);
}

}  // namespace
}  // namespace carousel
