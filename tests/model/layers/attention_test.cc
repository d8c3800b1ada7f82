// SPDX-License-Identifier: Apache-2.0

#include "model/layers/attention.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/layers/attention_grad.h"
#include "tests/testing/reference_attention.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

struct Case {
  AttentionSizes sizes;
  size_t source_steps, rows, steps;
};

// Attention, served and in training, beside its reference.
class AttentionTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    reference_ =
        RandomReferenceAttention(c.sizes, c.source_steps, c.rows, c.steps, 7);
    for (const Doubles& weight : reference_.weights) {
      weights_.push_back(ToFloats(weight));
      gradients_.emplace_back(weight.size());
    }
    for (size_t i = 0; i < weights_.size(); ++i) {
      weight_pointers_.push_back(weights_[i].data());
      gradient_pointers_.push_back(gradients_[i].data());
    }
    memory_ = ToFloats(reference_.memory);
    queries_ = ToFloats(reference_.queries);
    factors_ = RandomDoubles(
        c.steps * c.rows * static_cast<size_t>(c.sizes.memory), 1, 99);
    dmemory_.resize(memory_.size());
    dqueries_.resize(queries_.size());
    context_.resize(factors_.size());
  }

  static AttentionGrad InTraining() {
    const Case& c = GetParam();
    return {c.sizes, static_cast<int64_t>(c.source_steps),
            static_cast<int64_t>(c.rows), static_cast<int64_t>(c.steps)};
  }

  // Forward and backward over all steps, `stride` of them at a time, from zero
  // gradients on.
  void Train(AttentionGrad* network, int64_t stride) {
    const Case& c = GetParam();
    const auto rows = static_cast<int64_t>(c.rows);
    const auto steps = static_cast<int64_t>(c.steps);
    AttentionGrad& attention = *network;
    dmemory_.assign(dmemory_.size(), 0.0f);
    for (Floats& gradient : gradients_) {
      std::fill(gradient.begin(), gradient.end(), 0.0f);
    }
    ASSERT_TRUE(attention
                    .Begin(weight_pointers_, memory_.data(), reference_.first,
                           &executor_)
                    .ok());
    const auto query_of = [&](Floats& all, int64_t t) {
      return all.data() + t * rows * c.sizes.query;
    };
    for (int64_t t = 0; t < steps; t += stride) {
      ASSERT_TRUE(attention
                      .Forward(weight_pointers_, {t, stride},
                               query_of(queries_, t), &executor_)
                      .ok());
    }
    context_.assign(attention.context(), attention.context() + context_.size());
    const Floats dcontext = ToFloats(factors_);
    for (int64_t t = steps - stride; t >= 0; t -= stride) {
      ASSERT_TRUE(
          attention
              .Backward(weight_pointers_, {t, stride}, query_of(queries_, t),
                        dcontext.data() + t * rows * c.sizes.memory,
                        query_of(dqueries_, t), gradient_pointers_, &executor_)
              .ok());
    }
    ASSERT_TRUE(attention
                    .End(weight_pointers_, dmemory_.data(), gradient_pointers_,
                         &executor_)
                    .ok());
  }

  void ExpectGradientsOfCentralDifferences() {
    const auto loss = [&] {
      const Doubles context = reference_.Context();
      return std::inner_product(context.begin(), context.end(),
                                factors_.begin(), 0.0);
    };
    const auto specs = AttentionWeightSpecs(GetParam().sizes).value();
    for (size_t i = 0; i < specs.size(); ++i) {
      EXPECT_LE(GradientError(loss, &reference_.weights[i], gradients_[i]),
                1e-5)
          << specs[i].name;
    }
    EXPECT_LE(GradientError(loss, &reference_.memory, dmemory_), 1e-5);
    EXPECT_LE(GradientError(loss, &reference_.queries, dqueries_), 1e-5);
  }

  std::unique_ptr<const Attention> Served() const {
    const auto specs = AttentionWeightSpecs(GetParam().sizes).value();
    std::vector<Tensor> tensors;
    for (size_t i = 0; i < specs.size(); ++i) {
      tensors.push_back(Tensor::FromFloats(specs[i].shape, weights_[i]));
    }
    return Attention::Create(GetParam().sizes, tensors).value();
  }

  ReferenceAttention reference_;
  std::vector<Floats> weights_, gradients_;
  std::vector<const float*> weight_pointers_;
  std::vector<float*> gradient_pointers_;
  Floats memory_, queries_, dmemory_, dqueries_, context_;
  Doubles factors_;  // (T, N, M): the loss is factors . context
  Executor executor_;
};

// A whole stretch at once, every gradient and the context.
TEST_P(AttentionTest, WholeStretchIsThatOfTheEquations) {
  AttentionGrad attention = InTraining();
  Train(&attention, static_cast<int64_t>(GetParam().steps));
  EXPECT_LE(RelativeDifference(context_, reference_.Context()), 1e-5);
  ExpectGradientsOfCentralDifferences();
}

// A decoder that feeds the context back goes step by step, and must get the
// same.
TEST_P(AttentionTest, StepByStepIsThatOfTheEquations) {
  AttentionGrad attention = InTraining();
  Train(&attention, 1);
  EXPECT_LE(RelativeDifference(context_, reference_.Context()), 1e-5);
  ExpectGradientsOfCentralDifferences();
}

// What is kept of one batch must not reach the next.
TEST_P(AttentionTest, ABatchInBetweenLeavesNoTrace) {
  AttentionGrad attention = InTraining();
  const auto all = [&] {
    Train(&attention, static_cast<int64_t>(GetParam().steps));
    std::vector<Floats> results = gradients_;
    results.insert(results.end(), {context_, dmemory_, dqueries_});
    return results;
  };
  const auto turn_round = [&] {
    std::reverse(reference_.first.begin(), reference_.first.end());
    std::reverse(memory_.begin(), memory_.end());
    std::reverse(queries_.begin(), queries_.end());
  };
  const std::vector<Floats> alone = all();
  turn_round();
  all();
  turn_round();
  EXPECT_EQ(all(), alone);
}

// What serves is what was trained.
TEST_P(AttentionTest, ServedStepIsThatOfTheEquations) {
  const Case& c = GetParam();
  const auto attention = Served();
  const auto rows = static_cast<int64_t>(c.rows);
  std::vector<AttentionMemory> texts;
  for (int64_t n = 0; n < rows; ++n) {
    const int32_t first = reference_.first[static_cast<size_t>(n)];
    texts.push_back(
        attention
            ->Remember(memory_.data() + (first * rows + n) * c.sizes.memory,
                       static_cast<int>(c.source_steps) - first,
                       rows * c.sizes.memory, &executor_)
            .value());
  }
  std::vector<const AttentionMemory*> memories;
  for (const AttentionMemory& text : texts) memories.push_back(&text);
  const Doubles expected = reference_.Context();
  for (size_t t = 0; t < c.steps; ++t) {
    Floats context(c.rows * static_cast<size_t>(c.sizes.memory));
    std::vector<Floats> alignments;
    ASSERT_TRUE(attention
                    ->Attend(memories,
                             queries_.data() +
                                 static_cast<int64_t>(t) * rows * c.sizes.query,
                             context.data(), &alignments, &executor_)
                    .ok());
    const auto from =
        expected.begin() + static_cast<int64_t>(t * context.size());
    EXPECT_LE(RelativeDifference(
                  context,
                  Doubles(from, from + static_cast<int64_t>(context.size()))),
              1e-5);
    for (size_t n = 0; n < c.rows; ++n) {
      const Doubles alignment = reference_.Alignment(t, n);
      ASSERT_EQ(alignments[n].size(), alignment.size());
      EXPECT_LE(RelativeDifference(alignments[n], alignment), 1e-5);
    }
  }
}

constexpr auto kDot = AttentionKind::kDot;
constexpr auto kGeneral = AttentionKind::kGeneral;
constexpr auto kAdditive = AttentionKind::kAdditive;

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttentionTest,
    ::testing::Values(
        // Every bound at its least.
        Case{{.kind = kDot, .memory = 1, .query = 1}, 1, 1, 1},
        Case{{.kind = kGeneral, .memory = 1, .query = 1}, 1, 1, 1},
        Case{{.kind = kAdditive, .memory = 1, .query = 1, .units = 1}, 1, 1, 1},
        // One decoder step; the last of the four texts is empty.
        Case{{.kind = kDot, .memory = 5, .query = 5}, 6, 4, 1},
        Case{{.kind = kDot, .memory = 17, .query = 17}, 4, 2, 3},
        Case{{.kind = kGeneral, .memory = 6, .query = 4}, 5, 4, 3},
        Case{{.kind = kGeneral, .memory = 3, .query = 18}, 3, 1, 4},
        Case{{.kind = kAdditive, .memory = 4, .query = 3, .units = 5}, 5, 4, 3},
        Case{{.kind = kAdditive, .memory = 5, .query = 7, .units = 17},
             3,
             2,
             2}),
    [](const auto& shape) { return "Case" + std::to_string(shape.index); });

// A dot product joins equal widths only; the message says what joins others.
TEST(AttentionWeightSpecsTest, DotOfUnequalWidthsIsRefused) {
  const auto specs =
      AttentionWeightSpecs({.kind = kDot, .memory = 3, .query = 4});
  EXPECT_EQ(specs.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(specs.status().message(), HasSubstr("query (4)"));
}

}  // namespace
}  // namespace carousel
