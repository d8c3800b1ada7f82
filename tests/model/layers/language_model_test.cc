// SPDX-License-Identifier: Apache-2.0

#include "model/layers/language_model.h"

#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/reference_language_model.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<const LanguageModel> MakeModel(
    const ReferenceLanguageModel& reference,
    absl::Span<const int32_t> order = {},
    Precision precision = Precision::kF32) {
  return LanguageModel::Create(reference.sizes, ToTensors(reference), order,
                               precision)
      .value();
}

std::vector<int32_t> RandomTokens(int vocabulary, int count, uint64_t seed) {
  Random random(seed);
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  for (auto& token : tokens) {
    token =
        static_cast<int32_t>(random.Below(static_cast<uint64_t>(vocabulary)));
  }
  return tokens;
}

struct Shape {
  LanguageModelSizes sizes;
  int steps, rows;
};

class LanguageModelShapeTest : public ::testing::TestWithParam<Shape> {};

// oneDNN's kernels against loops over the equations: every logit after the last
// step of every row.
TEST_P(LanguageModelShapeTest, LogitsAreThoseOfTheEquations) {
  const auto& [sizes, steps, rows] = GetParam();
  const auto reference = RandomReferenceModel(sizes, 1);
  const auto model = MakeModel(reference);
  const auto tokens = RandomTokens(sizes.vocabulary, steps * rows, 2);
  LanguageModel::Workspace workspace;
  RecurrentState state = model->InitialState(rows);
  ASSERT_TRUE(
      model->Advance(tokens, steps, rows, &state, nullptr, &workspace).ok());
  const auto v = static_cast<size_t>(sizes.vocabulary);
  std::vector<float> logits(v * static_cast<size_t>(rows));
  ASSERT_TRUE(model
                  ->Logits(model->Top(state), rows, 0, sizes.vocabulary,
                           absl::MakeSpan(logits), &workspace)
                  .ok());
  for (int n = 0; n < rows; ++n) {
    auto expected_state = reference.InitialState();
    Doubles expected;
    for (int t = 0; t < steps; ++t) {
      expected = reference.Step(tokens[static_cast<size_t>(t * rows + n)], 0,
                                &expected_state);
    }
    for (size_t k = 0; k < v; ++k) {
      EXPECT_NEAR(logits[static_cast<size_t>(n) * v + k], expected[k], 1e-5);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, LanguageModelShapeTest,
    ::testing::Values(
        Shape{
            {.vocabulary = 5, .embedding = 1, .hidden = 1, .layers = 1}, 1, 1},
        Shape{{.vocabulary = 300, .embedding = 8, .hidden = 8, .layers = 2},
              7,
              1},
        Shape{{.vocabulary = 513,
               .embedding = 13,
               .hidden = 31,
               .layers = 2,
               .projection = true},
              33,
              3},
        Shape{{.vocabulary = 40,
               .embedding = 16,
               .hidden = 48,
               .layers = 3,
               .projection = true,
               .tied = false},
              5,
              67},
        Shape{{.vocabulary = 40,
               .embedding = 9,
               .hidden = 9,
               .layers = 3,
               .cell = Cell::kGru,
               .residual = true},
              35,
              2},
        Shape{{.vocabulary = 40,
               .embedding = 9,
               .hidden = 9,
               .layers = 2,
               .cell = Cell::kTanhRnn},
              3,
              2}),
    [](const auto& shape) { return "Case" + std::to_string(shape.index); });

class LanguageModelTest : public ::testing::Test {
 protected:
  // Of the table of the first layer: 600 words, 4 gates of 20.
  static constexpr size_t kTableBytes = size_t{600} * 80 * 2;
  const LanguageModelSizes sizes_ = {.vocabulary = 600,
                                     .embedding = 12,
                                     .hidden = 20,
                                     .layers = 2,
                                     .projection = true};
  const ReferenceLanguageModel reference_ = RandomReferenceModel(sizes_, 3);
  LanguageModel::Workspace workspace_;

  std::vector<float> Logits(const LanguageModel& model,
                            const RecurrentState& state, int begin, int end) {
    std::vector<float> logits(static_cast<size_t>(state.rows * (end - begin)));
    EXPECT_TRUE(model
                    .Logits(model.Top(state), state.rows, begin, end,
                            absl::MakeSpan(logits), &workspace_)
                    .ok());
    return logits;
  }
};

// With residual links y is not the top layer's h, and must be found in the
// state all the same.
TEST(LanguageModelTopTest, StateHoldsWhatTheLastStepGave) {
  const auto model = MakeModel(RandomReferenceModel({.vocabulary = 9,
                                                     .embedding = 5,
                                                     .hidden = 5,
                                                     .layers = 3,
                                                     .residual = true},
                                                    1));
  LanguageModel::Workspace workspace;
  RecurrentState state = model->InitialState(2);
  std::vector<float> top;
  const auto tokens = RandomTokens(9, 2, 2);
  ASSERT_TRUE(model->Advance(tokens, 1, 2, &state, &top, &workspace).ok());
  EXPECT_THAT(model->Top(state),
              ::testing::Pointwise(::testing::FloatNear(1e-6f), top));
}

// A text that arrives in pieces is the same text.
TEST_F(LanguageModelTest, StateAfterPiecesIsTheStateAfterTheWhole) {
  const auto model = MakeModel(reference_);
  const auto tokens = RandomTokens(sizes_.vocabulary, 50, 4);
  RecurrentState whole = model->InitialState(1);
  ASSERT_TRUE(model->Advance(tokens, 50, 1, &whole, nullptr, &workspace_).ok());
  RecurrentState pieces = model->InitialState(1);
  for (size_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(model
                    ->Advance(absl::MakeConstSpan(tokens).subspan(i, 1), 1, 1,
                              &pieces, nullptr, &workspace_)
                    .ok());
  }
  for (size_t i = 0; i < whole.h.size(); ++i) {
    EXPECT_NEAR(whole.h[i], pieces.h[i], 1e-6);
    EXPECT_NEAR(whole.c[i], pieces.c[i], 1e-6);
  }
}

// Rows of a batch do not see one another.
TEST_F(LanguageModelTest, RowIsTheSameAloneAndInABatch) {
  const auto model = MakeModel(reference_);
  const auto tokens = RandomTokens(sizes_.vocabulary, 4 * 9, 5);
  RecurrentState batch = model->InitialState(9);
  ASSERT_TRUE(model->Advance(tokens, 4, 9, &batch, nullptr, &workspace_).ok());
  const auto logits = Logits(*model, batch, 0, sizes_.vocabulary);
  RecurrentState alone = model->InitialState(1);
  const std::vector<int32_t> row = {tokens[6], tokens[15], tokens[24],
                                    tokens[33]};
  ASSERT_TRUE(model->Advance(row, 4, 1, &alone, nullptr, &workspace_).ok());
  const auto expected = Logits(*model, alone, 0, sizes_.vocabulary);
  for (size_t v = 0; v < expected.size(); ++v) {
    EXPECT_NEAR(logits[6 * expected.size() + v], expected[v], 1e-5);
  }
}

// A prefix runs the tiles that it touches and no other result.
TEST_F(LanguageModelTest, RangeOfLogitsIsTheSliceOfAll) {
  const auto model = MakeModel(reference_);
  RecurrentState state = model->InitialState(2);
  ASSERT_TRUE(model
                  ->Advance(RandomTokens(sizes_.vocabulary, 2, 6), 1, 2, &state,
                            nullptr, &workspace_)
                  .ok());
  const auto all = Logits(*model, state, 0, 600);
  for (const auto& [begin, end] : std::vector<std::pair<int, int>>{
           {0, 1}, {255, 257}, {256, 512}, {100, 599}, {599, 600}}) {
    const auto slice = Logits(*model, state, begin, end);
    for (int n = 0; n < 2; ++n) {
      for (int r = begin; r < end; ++r) {
        EXPECT_EQ(slice[static_cast<size_t>(n * (end - begin) + r - begin)],
                  all[static_cast<size_t>(n * 600 + r)]);
      }
    }
  }
}

// Row r of the output belongs to the token that stands at r in the order.
TEST_F(LanguageModelTest, OutputOrderPermutesTheLogits) {
  std::vector<int32_t> order(600);
  std::iota(order.rbegin(), order.rend(), 0);
  const auto plain = MakeModel(reference_);
  const auto reversed = MakeModel(reference_, order);
  RecurrentState state = plain->InitialState(1);
  ASSERT_TRUE(plain->Advance({7, 8}, 2, 1, &state, nullptr, &workspace_).ok());
  const auto a = Logits(*plain, state, 0, 600);
  const auto b = Logits(*reversed, state, 0, 600);
  for (size_t r = 0; r < 600; ++r) EXPECT_FLOAT_EQ(a[r], b[599 - r]);
}

// BF16 weights give what their rounded values give in f32.
TEST_F(LanguageModelTest, Bf16WeightsAreRoundedAndComputedInF32) {
  std::vector<Tensor> rounded, widened;
  for (const Tensor& tensor : ToTensors(reference_)) {
    rounded.push_back(tensor.ToBF16());
    widened.push_back(tensor.ToBF16().ToF32());
  }
  const auto a = LanguageModel::Create(sizes_, rounded, {}).value();
  const auto b = LanguageModel::Create(sizes_, widened, {}).value();
  RecurrentState state = a->InitialState(1);
  ASSERT_TRUE(a->Advance({1, 2, 3}, 3, 1, &state, nullptr, &workspace_).ok());
  EXPECT_EQ(Logits(*a, state, 0, 600), Logits(*b, state, 0, 600));
}

TEST_F(LanguageModelTest, WrongShapeIsRefusedByName) {
  auto weights = ToTensors(reference_);
  weights[2] = Tensor::Zeros(DType::kF32, {80, 21});
  EXPECT_THAT(LanguageModel::Create(sizes_, weights, {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("tensor \"rnn.weight_hh_l0\": shape [80,21], "
                                 "expected [80,20]")));
}

TEST_F(LanguageModelTest, WrongTypeIsRefusedByName) {
  auto weights = ToTensors(reference_);
  weights[0] = Tensor::Zeros(DType::kI32, {600, 12});
  EXPECT_THAT(LanguageModel::Create(sizes_, weights, {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"embedding.weight\": type I32")));
}

TEST(WeightSpecsTest, SizesThatMakeNoModelAreRefused) {
  EXPECT_THAT(
      WeightSpecs({.vocabulary = 0, .embedding = 2, .hidden = 2, .layers = 1})
          .status(),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("vocabulary: 0, expected 1 to")));
  EXPECT_THAT(
      WeightSpecs({.vocabulary = 9, .embedding = 2, .hidden = 3, .layers = 1})
          .status(),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("hidden (3) must equal embedding (2)")));
}

// No cutoff is passed over in silence.
TEST(WeightSpecsTest, CutoffsThatMakeNoClustersAreRefused) {
  LanguageModelSizes sizes = {.vocabulary = 50,
                              .embedding = 16,
                              .hidden = 16,
                              .layers = 1,
                              .tied = false,
                              .cutoffs = {10, 20}};
  EXPECT_THAT(WeightSpecs(sizes), IsOk());
  const std::vector<std::array<int, 4>> bad = {
      {0, 20}, {10, 0, 20}, {10, -1}, {20, 10}, {10, 50}};
  for (const auto& cutoffs : bad) {
    sizes.cutoffs = cutoffs;
    EXPECT_THAT(WeightSpecs(sizes),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("expected ascending ones")));
  }
}

// Weights and activations are rounded, so logits move, but little beside what
// they are.
TEST_F(LanguageModelTest, RoundedPrecisionsGiveNearlyTheLogitsOfF32) {
  const auto tokens = RandomTokens(600, 9, 4);
  const auto logits = [&](Precision precision) {
    const auto model = MakeModel(reference_, {}, precision);
    RecurrentState state = model->InitialState(3);
    EXPECT_TRUE(
        model->Advance(tokens, 3, 3, &state, nullptr, &workspace_).ok());
    return Logits(*model, state, 0, 600);
  };
  const std::vector<float> exact = logits(Precision::kF32);
  const auto distance = [&](Precision precision) {
    const std::vector<float> rounded = logits(precision);
    double difference = 0, norm = 0;
    for (size_t i = 0; i < exact.size(); ++i) {
      difference += std::pow(static_cast<double>(rounded[i] - exact[i]), 2);
      norm += std::pow(static_cast<double>(exact[i]), 2);
    }
    return std::sqrt(difference / norm);
  };
  if (SupportsBF16()) {
    EXPECT_LE(distance(Precision::kBF16), 0.02);
    EXPECT_GE(distance(Precision::kBF16), 1e-5);
  }
  if (SupportsInt8()) {
    EXPECT_LE(distance(Precision::kInt8), 0.02);
    EXPECT_GE(distance(Precision::kInt8), 1e-5);
  }
}

// Sums of integers are exact, so nobody's answer depends on who else asks.
TEST_F(LanguageModelTest, RowInInt8GivesTheSameBitsAloneAndInABatch) {
  if (!SupportsInt8()) GTEST_SKIP() << "this CPU has no VNNI";
  const auto model = MakeModel(reference_, {}, Precision::kInt8);
  constexpr int kRows = 7, kSteps = 3;
  const auto tokens = RandomTokens(600, kSteps * kRows, 4);
  RecurrentState together = model->InitialState(kRows);
  ASSERT_TRUE(
      model->Advance(tokens, kSteps, kRows, &together, nullptr, &workspace_)
          .ok());
  const std::vector<float> batch = Logits(*model, together, 250, 600);
  for (int n = 0; n < kRows; ++n) {
    RecurrentState alone = model->InitialState(1);
    for (int t = 0; t < kSteps; ++t) {  // a step at a time
      const int32_t token = tokens[static_cast<size_t>(t * kRows + n)];
      ASSERT_TRUE(
          model->Advance({&token, 1}, 1, 1, &alone, nullptr, &workspace_).ok());
    }
    const auto from = batch.begin() + n * 350;
    EXPECT_EQ(Logits(*model, alone, 250, 600),
              std::vector<float>(from, from + 350));
  }
}

// What the first layer makes of a word is looked up instead of computed: within
// the rounding of the table.
TEST_F(LanguageModelTest, TableOfTheFirstLayerGivesNearlyWhatItReplaces) {
  if (!SupportsInt8()) GTEST_SKIP() << "this CPU has no VNNI";
  const auto tokens = RandomTokens(600, 12, 4);
  const auto logits = [&](size_t max_table_bytes) {
    const auto model = LanguageModel::Create(
                           sizes_, ToTensors(reference_), {}, Precision::kInt8,
                           {.max_table_bytes = max_table_bytes})
                           .value();
    EXPECT_EQ(model->has_table(), max_table_bytes >= kTableBytes);
    RecurrentState state = model->InitialState(3);
    EXPECT_TRUE(
        model->Advance(tokens, 4, 3, &state, nullptr, &workspace_).ok());
    return Logits(*model, state, 0, 600);
  };
  const std::vector<float> computed = logits(kTableBytes - 1);
  const std::vector<float> looked_up = logits(kTableBytes);
  EXPECT_NE(computed, looked_up);
  for (size_t i = 0; i < computed.size(); ++i) {
    EXPECT_NEAR(looked_up[i], computed[i], 0.02) << i;
  }
}

// Tiles of any width show the logits that a call for all of them gives.
TEST_F(LanguageModelTest, TilesShowTheLogitsOfTheWholeVocabulary) {
  const std::vector<int32_t> begins = {0, 100, 356, 400};
  const auto model =
      LanguageModel::Create(sizes_, ToTensors(reference_), {}, Precision::kF32,
                            {.tile_begins = begins})
          .value();
  ASSERT_EQ(model->tiles(), 4);
  const auto tokens = RandomTokens(600, 3, 4);
  RecurrentState state = model->InitialState(3);
  ASSERT_TRUE(model->Advance(tokens, 1, 3, &state, nullptr, &workspace_).ok());
  const std::vector<float> all = Logits(*model, state, 0, 600);
  const auto features =
      model->Features(model->Top(state), 3, &workspace_).value();
  std::vector<float> shown(all.size());
  ASSERT_TRUE(model
                  ->VisitLogits(
                      features, 3, 0, 4,
                      [&](const LogitTile& tile) {
                        std::copy(tile.logits.begin(), tile.logits.end(),
                                  shown.begin() + 600 * tile.row + tile.begin);
                      },
                      &workspace_)
                  .ok());
  EXPECT_EQ(shown, all);
}

// The kernels that a serving CPU is expected to get; a silent fall-back to the
// reference path would be several times slower.
TEST_F(LanguageModelTest, FastKernelsRunWhereTheCpuHasThem) {
  if (!__builtin_cpu_supports("avx512f")) {
    GTEST_SKIP() << "this CPU has no AVX-512";
  }
  EXPECT_THAT(MakeModel(reference_)->Implementation(),
              AllOf(HasSubstr("lstm own:avx512_core"),
                    HasSubstr("matmul own:avx512_core")));
}

}  // namespace
}  // namespace carousel
