// SPDX-License-Identifier: Apache-2.0

#include "model/layers/recurrent_stack.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/reference_recurrent.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

class RecurrentStackTest
    : public ::testing::TestWithParam<std::tuple<Cell, bool, bool>> {
 protected:
  explicit RecurrentStackTest(int hidden = 4)
      : sizes_{.cell = std::get<0>(GetParam()),
               .inputs = 5,
               .hidden = hidden,
               .layers = 3,
               .bidirectional = std::get<1>(GetParam()),
               .residual = std::get<2>(GetParam())},
        specs_(StackWeightSpecs("", sizes_)),
        reference_{.sizes = sizes_,
                   .weights = RandomReferenceWeights(specs_, 1),
                   .masks = {},
                   .weight_masks = {}},
        stack_(RecurrentStack::Create(sizes_,
                                      ToTensors(specs_, reference_.weights))
                   .value()) {}

  // Outputs and final states against loops over the equations.
  void CompareWithEquations(size_t steps, size_t rows,
                            const std::vector<int>& lengths) {
    const auto inputs = static_cast<size_t>(sizes_.inputs);
    const auto outputs = static_cast<size_t>(sizes_.outputs());
    const auto hidden = static_cast<size_t>(sizes_.hidden);
    Random random(2);
    std::vector<float> x(steps * rows * inputs);
    for (float& value : x) value = random.Uniform(-1.0f, 1.0f);
    std::vector<float> y(steps * rows * outputs);
    RecurrentState state = ZeroState(sizes_, static_cast<int>(rows));
    ASSERT_TRUE(stack_
                    ->Run({.x = x.data(),
                           .steps = static_cast<int>(steps),
                           .lengths = lengths},
                          &state, y.data(), &workspace_)
                    .ok());
    for (size_t n = 0; n < rows; ++n) {
      const size_t first =
          lengths.empty() ? 0 : steps - static_cast<size_t>(lengths[n]);
      std::vector<Doubles> in;
      for (size_t t = 0; t < steps; ++t) {
        const auto from =
            x.begin() + static_cast<long>((t * rows + n) * inputs);
        in.emplace_back(from, from + static_cast<long>(inputs));
      }
      std::vector<uint8_t> resets(steps);
      resets[first] = 1;
      auto states = reference_.ZeroStates();
      const auto expected = reference_.Run(in, resets, n, rows, &states);
      for (size_t t = first; t < steps; ++t) {
        for (size_t k = 0; k < outputs; ++k) {
          ASSERT_NEAR(y[(t * rows + n) * outputs + k], expected[t][k],
                      1e-5 * (1 + std::abs(expected[t][k])));
        }
      }
      for (size_t i = 0; i < states.size(); ++i) {
        for (size_t k = 0; k < hidden; ++k) {
          const size_t at = (i * rows + n) * hidden + k;
          ASSERT_NEAR(state.h[at], states[i].h[k],
                      1e-5 * (1 + std::abs(states[i].h[k])));
          if (state.c.empty()) continue;
          ASSERT_NEAR(state.c[at], states[i].c[k], 1e-5);
        }
      }
    }
  }

  // Inputs that repeat, and the same said one by one.
  void CompareRepeated(const std::vector<int>& lengths,
                       const std::vector<int32_t>& places, int32_t distinct) {
    const auto inputs = static_cast<size_t>(sizes_.inputs);
    const int rows = static_cast<int>(lengths.size());
    const int steps = static_cast<int>(places.size() / lengths.size());
    Random random(3);
    std::vector<float> x(static_cast<size_t>(distinct) * inputs);
    for (float& value : x) value = random.Uniform(-1.0f, 1.0f);
    std::vector<float> each;
    for (int32_t place : places) {
      const auto from = x.begin() + place * sizes_.inputs;
      each.insert(each.end(), from, from + sizes_.inputs);
    }
    const size_t size = places.size() * static_cast<size_t>(sizes_.outputs());
    std::vector<float> expected(size), found(size);
    RecurrentState expected_state = ZeroState(sizes_, rows);
    RecurrentState state = expected_state;
    ASSERT_TRUE(
        stack_
            ->Run({.x = each.data(), .steps = steps, .lengths = lengths},
                  &expected_state, expected.data(), &workspace_)
            .ok());
    ASSERT_TRUE(stack_
                    ->Run({.x = x.data(),
                           .steps = steps,
                           .lengths = lengths,
                           .places = places,
                           .distinct = distinct},
                          &state, found.data(), &workspace_)
                    .ok());
    for (size_t cell = 0; cell < places.size(); ++cell) {
      const auto t = static_cast<int>(cell) / rows;
      if (t < steps - lengths[cell % lengths.size()]) continue;
      for (size_t k = 0; k < static_cast<size_t>(sizes_.outputs()); ++k) {
        const size_t at = cell * static_cast<size_t>(sizes_.outputs()) + k;
        ASSERT_NEAR(found[at], expected[at], 1e-5);
      }
    }
    EXPECT_THAT(state.h, Pointwise(FloatNear(1e-5f), expected_state.h));
    EXPECT_THAT(state.c, Pointwise(FloatNear(1e-5f), expected_state.c));
  }

  const StackSizes sizes_;
  const std::vector<WeightSpec> specs_;
  const ReferenceStack reference_;
  const std::unique_ptr<const RecurrentStack> stack_;
  StackWorkspace workspace_;
};

// More steps than one call of a primitive takes.
TEST_P(RecurrentStackTest, FullRowsGiveWhatTheEquationsGive) {
  CompareWithEquations(37, 2, {});
}

// A text gives the same in a batch with longer ones: padding leaves no trace.
TEST_P(RecurrentStackTest, RowsOfSeveralLengthsGiveWhatTheEquationsGive) {
  CompareWithEquations(9, 4, {3, 9, 1, 3});
}

TEST_P(RecurrentStackTest, InputsThatRepeatGiveWhatTheyGiveOneByOne) {
  CompareRepeated({2, 4, 1}, {0, 2, 0, 1, 2, 0, 2, 0, 0, 1, 1, 2}, 3);
}

// More than one product takes.
TEST_P(RecurrentStackTest, ManyInputsThatRepeatGiveWhatTheyGiveOneByOne) {
  std::vector<int32_t> places;
  for (int i = 0; i < 200; ++i) places.push_back(i * 7 % 99);
  CompareRepeated({100, 73}, places, 99);
}

const auto kAll = ::testing::Combine(
    ::testing::Values(Cell::kTanhRnn, Cell::kReluRnn, Cell::kLstm, Cell::kGru),
    ::testing::Bool(), ::testing::Bool());

INSTANTIATE_TEST_SUITE_P(All, RecurrentStackTest, kAll);

class WideRecurrentStackTest : public RecurrentStackTest {
 protected:
  WideRecurrentStackTest() : RecurrentStackTest(40) {}
};

// A step of a decoder: the state is moved on in place.
TEST_P(WideRecurrentStackTest, OneStepGivesWhatTheEquationsGive) {
  CompareWithEquations(1, 8, {});
}

INSTANTIATE_TEST_SUITE_P(All, WideRecurrentStackTest, kAll);

TEST(StackWeightSpecsTest, NamesAndOrderAreThoseOfPyTorch) {
  const auto specs = StackWeightSpecs("rnn.", {.cell = Cell::kGru,
                                               .inputs = 5,
                                               .hidden = 4,
                                               .layers = 2,
                                               .bidirectional = true});
  std::vector<std::string> shapes;
  for (const WeightSpec& spec : specs) {
    shapes.push_back(spec.name + " " + ShapeString(spec.shape));
  }
  EXPECT_THAT(
      shapes,
      ElementsAre(
          "rnn.weight_ih_l0 [12,5]", "rnn.weight_hh_l0 [12,4]",
          "rnn.bias_ih_l0 [12]", "rnn.bias_hh_l0 [12]",
          "rnn.weight_ih_l0_reverse [12,5]", "rnn.weight_hh_l0_reverse [12,4]",
          "rnn.bias_ih_l0_reverse [12]", "rnn.bias_hh_l0_reverse [12]",
          "rnn.weight_ih_l1 [12,8]", "rnn.weight_hh_l1 [12,4]",
          "rnn.bias_ih_l1 [12]", "rnn.bias_hh_l1 [12]",
          "rnn.weight_ih_l1_reverse [12,8]", "rnn.weight_hh_l1_reverse [12,4]",
          "rnn.bias_ih_l1_reverse [12]", "rnn.bias_hh_l1_reverse [12]"));
}

std::vector<float> Initial(const WeightSpec& spec) {
  std::vector<float> values(static_cast<size_t>(NumElements(spec.shape)));
  InitialiseWeight(spec, Random(1), absl::MakeSpan(values));
  return values;
}

// Le, Jaitly and Hinton 2015: a state that is kept as it is unless told
// otherwise.
TEST(InitialiseWeightTest, ReluCellBeginsWithTheIdentity) {
  const auto specs = StackWeightSpecs(
      "", {.cell = Cell::kReluRnn, .inputs = 5, .hidden = 2, .layers = 1});
  EXPECT_THAT(Initial(specs[1]), ElementsAre(1, 0, 0, 1));
}

TEST(InitialiseWeightTest, LstmBeginsRemembering) {
  const auto specs = StackWeightSpecs(
      "", {.cell = Cell::kLstm, .inputs = 5, .hidden = 2, .layers = 1});
  EXPECT_THAT(Initial(specs[2]), ElementsAre(0, 0, 1, 1, 0, 0, 0, 0));
  EXPECT_THAT(Initial(specs[3]), ::testing::Each(0));
}

TEST(InitialiseWeightTest, MatricesAreUniformWithinTheirBound) {
  const auto values =
      Initial({.name = "w", .shape = {100, 10}, .bound = 0.25f});
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  EXPECT_GE(*least, -0.25f);
  EXPECT_LT(*least, -0.24f);
  EXPECT_LE(*most, 0.25f);
  EXPECT_GT(*most, 0.24f);
}

TEST(RecurrentStackCreateTest, WrongShapeIsRefusedByName) {
  const StackSizes sizes = {
      .cell = Cell::kTanhRnn, .inputs = 2, .hidden = 3, .layers = 1};
  const auto specs = StackWeightSpecs("", sizes);
  auto weights = ToTensors(specs, RandomReferenceWeights(specs, 1));
  weights[0] = Tensor::Zeros(DType::kF32, {3, 4});
  EXPECT_THAT(RecurrentStack::Create(sizes, weights).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"weight_ih_l0\": shape [3,4], expected "
                                 "[3,2]")));
}

TEST(CellTest, NamesAreReadAsTheyAreWritten) {
  for (Cell cell : {Cell::kTanhRnn, Cell::kReluRnn, Cell::kLstm, Cell::kGru}) {
    EXPECT_EQ(ParseCell(CellName(cell)).value(), cell);
  }
  EXPECT_THAT(ParseCell("LSTM").status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("cell \"LSTM\": expected \"rnn_tanh\"")));
}

}  // namespace
}  // namespace carousel
