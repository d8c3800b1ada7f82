// SPDX-License-Identifier: Apache-2.0

#include "model/layers/served_layer.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "model/layers/recurrent_stack.h"
#include "tests/testing/reference_recurrent.h"

namespace carousel {
namespace {

// How far the outputs may be from those of the equations, as a share of them.
double Tolerance(Precision precision) {
  return precision == Precision::kF32 ? 1e-5 : 0.02;
}

bool Supported(Precision precision) {
  return precision == Precision::kF32 ||
         (precision == Precision::kBF16 ? SupportsBF16() : SupportsInt8());
}

std::string NameOf(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return "f32";
    case Precision::kBF16:
      return "bf16";
    case Precision::kInt8:
      break;
  }
  return "int8";
}

class ServedLayerTest
    : public ::testing::TestWithParam<std::tuple<Cell, Precision>> {
 protected:
  static constexpr int kInputs = 19, kHidden = 33, kSteps = 7, kRows = 3;

  void SetUp() override {
    if (!Supported(precision())) GTEST_SKIP() << "not on this CPU";
    const auto specs = StackWeightSpecs(
        "",
        {.cell = cell(), .inputs = kInputs, .hidden = kHidden, .layers = 1});
    weights_ = RandomReferenceWeights(specs, 1);
    layer_ =
        ServedLayer::Create(cell(), ToTensors(specs, weights_), precision())
            .value();
    Random random(2);
    x_.resize(size_t{kSteps} * kRows * kInputs);
    for (float& value : x_) value = random.Uniform(-2, 2);
  }

  Cell cell() const { return std::get<0>(GetParam()); }
  Precision precision() const { return std::get<1>(GetParam()); }

  struct Result {
    std::vector<float> y, h, c;
    bool operator==(const Result&) const = default;
  };

  // From zeros, `chunk` steps at a time.
  Result Run(const std::vector<float>& x, int rows, int chunk) {
    const auto state = static_cast<size_t>(rows * kHidden);
    Result result{.y = std::vector<float>(kSteps * state),
                  .h = std::vector<float>(state),
                  .c = std::vector<float>(HasMemory(cell()) ? state : 0)};
    for (int t = 0; t < kSteps; t += chunk) {
      EXPECT_TRUE(
          layer_
              ->Forward({.steps = std::min(chunk, kSteps - t),
                         .rows = rows,
                         .x = x.data() + int64_t{t} * rows * kInputs,
                         .h = result.h.data(),
                         .c = result.c.empty() ? nullptr : result.c.data(),
                         .y = result.y.data() + int64_t{t} * rows * kHidden},
                        &scratch_)
              .ok());
    }
    return result;
  }

  // The same numbers from products of other numbers of rows: in integers the
  // same bits, else but for rounding.
  void ExpectSame(const Result& found, const Result& expected) const {
    if (precision() == Precision::kInt8) {
      EXPECT_TRUE(found == expected);
    }
    for (size_t i = 0; i < expected.y.size(); ++i) {
      ASSERT_NEAR(found.y[i], expected.y[i], 1e-5) << i;
    }
  }

  // Row n by itself.
  std::vector<float> InputsOf(int n) const {
    std::vector<float> one;
    for (int t = 0; t < kSteps; ++t) {
      const auto from = x_.begin() + (t * kRows + n) * kInputs;
      one.insert(one.end(), from, from + kInputs);
    }
    return one;
  }

  std::vector<Doubles> weights_;
  std::unique_ptr<const ServedLayer> layer_;
  ServedLayerScratch scratch_;
  std::vector<float> x_;  // (T, N, I)
};

TEST_P(ServedLayerTest, OutputsAreThoseOfTheEquations) {
  const Result found = Run(x_, kRows, kSteps);
  double difference = 0, norm = 0;
  for (int n = 0; n < kRows; ++n) {
    ReferenceState state = {Doubles(kHidden), Doubles(kHidden)};
    const std::vector<float> x = InputsOf(n);
    for (int t = 0; t < kSteps; ++t) {
      const auto from = x.begin() + t * kInputs;
      ReferenceCellStep(cell(), weights_, Doubles(from, from + kInputs),
                        &state);
      for (int k = 0; k < kHidden; ++k) {
        const auto at = static_cast<size_t>((t * kRows + n) * kHidden + k);
        const double expected = state.h[static_cast<size_t>(k)];
        difference += std::pow(static_cast<double>(found.y[at]) - expected, 2);
        norm += expected * expected;
      }
    }
  }
  EXPECT_LE(std::sqrt(difference / norm), Tolerance(precision()));
}

TEST_P(ServedLayerTest, StateIsThatAfterTheLastStep) {
  const Result found = Run(x_, kRows, kSteps);
  EXPECT_EQ(found.h,
            std::vector<float>(found.y.end() - ptrdiff_t{kRows} * kHidden,
                               found.y.end()));
}

// How a text is cut into calls changes nothing.
TEST_P(ServedLayerTest, ChunksOfStepsGiveWhatAllStepsGive) {
  const Result whole = Run(x_, kRows, kSteps);
  for (int chunk : {1, 3}) {
    ExpectSame(Run(x_, kRows, chunk), whole);
  }
}

TEST_P(ServedLayerTest, RowAloneGivesWhatItGivesInABatch) {
  const Result batch = Run(x_, kRows, kSteps);
  for (int n = 0; n < kRows; ++n) {
    const Result alone = Run(InputsOf(n), 1, kSteps);
    for (int t = 0; t < kSteps; ++t) {
      for (int k = 0; k < kHidden; ++k) {
        const float in_batch =
            batch.y[static_cast<size_t>((t * kRows + n) * kHidden + k)];
        const float by_itself = alone.y[static_cast<size_t>(t * kHidden + k)];
        if (precision() == Precision::kInt8) {
          ASSERT_EQ(in_batch, by_itself);
        } else {
          ASSERT_NEAR(in_batch, by_itself, 1e-5);
        }
      }
    }
  }
}

// Sums that are looked up instead of computed.
TEST_P(ServedLayerTest, SumsOfTheInputCanComeFromElsewhere) {
  const Result found = Run(x_, kRows, kSteps);
  std::vector<float> sums(size_t{kSteps} * kRows *
                          static_cast<size_t>(GateCount(cell()) * kHidden));
  ASSERT_TRUE(
      layer_->InputSums(x_.data(), kSteps * kRows, sums.data(), &scratch_)
          .ok());
  Result from_sums{.y = std::vector<float>(found.y.size()),
                   .h = std::vector<float>(found.h.size()),
                   .c = std::vector<float>(found.c.size())};
  ASSERT_TRUE(layer_
                  ->ForwardSums(
                      {.steps = kSteps,
                       .rows = kRows,
                       .h = from_sums.h.data(),
                       .c = from_sums.c.empty() ? nullptr : from_sums.c.data(),
                       .y = from_sums.y.data()},
                      sums.data(), &scratch_)
                  .ok());
  ExpectSame(from_sums, found);
}

// As of the texts of a batch, whose words repeat.
TEST_P(ServedLayerTest, SumsOfInputsThatRepeatAreFoundByTheirPlaces) {
  const std::vector<int32_t> places = {1, 0, 2, 2, 2, 1, 0, 0, 0, 1, 2,
                                       1, 0, 2, 1, 1, 0, 2, 2, 0, 1};
  std::vector<float> repeated;
  for (int32_t place : places) {
    const auto from = x_.begin() + place * kInputs;
    repeated.insert(repeated.end(), from, from + kInputs);
  }
  const Result expected = Run(repeated, kRows, kSteps);
  std::vector<float> sums(size_t{3} *
                          static_cast<size_t>(GateCount(cell()) * kHidden));
  ASSERT_TRUE(layer_->InputSums(x_.data(), 3, sums.data(), &scratch_).ok());
  Result found{.y = std::vector<float>(expected.y.size()),
               .h = std::vector<float>(expected.h.size()),
               .c = std::vector<float>(expected.c.size())};
  ASSERT_TRUE(layer_
                  ->Forward({.steps = kSteps,
                             .rows = kRows,
                             .h = found.h.data(),
                             .c = found.c.empty() ? nullptr : found.c.data(),
                             .y = found.y.data(),
                             .sums = sums.data(),
                             .places = places.data()},
                            &scratch_)
                  .ok());
  ExpectSame(found, expected);
}

// Into one half of wider rows, as of a layer of two directions.
TEST_P(ServedLayerTest, BackwardsIsTheSameOfStepsInTheOtherOrder) {
  constexpr int64_t kStride = 2 * kHidden;
  constexpr float kUntouched = 7.0f;
  std::vector<float> turned;
  for (int t = kSteps - 1; t >= 0; --t) {
    const auto from = x_.begin() + t * kRows * kInputs;
    turned.insert(turned.end(), from, from + kRows * kInputs);
  }
  const Result expected = Run(turned, kRows, kSteps);
  std::vector<float> y(size_t{kSteps} * kRows * kStride, kUntouched);
  Result found{.y = std::vector<float>(expected.y.size()),
               .h = std::vector<float>(expected.h.size()),
               .c = std::vector<float>(expected.c.size())};
  ASSERT_TRUE(layer_
                  ->Forward({.steps = kSteps,
                             .rows = kRows,
                             .x = x_.data(),
                             .h = found.h.data(),
                             .c = found.c.empty() ? nullptr : found.c.data(),
                             .y = y.data() + kHidden,
                             .y_stride = kStride,
                             .backwards = true},
                            &scratch_)
                  .ok());
  for (int t = 0; t < kSteps; ++t) {
    for (int n = 0; n < kRows; ++n) {
      const auto from = y.begin() + (t * kRows + n) * kStride;
      EXPECT_EQ(std::vector<float>(from, from + kHidden),
                std::vector<float>(kHidden, kUntouched));
      std::copy_n(from + kHidden, kHidden,
                  found.y.begin() + ((kSteps - 1 - t) * kRows + n) * kHidden);
    }
  }
  ExpectSame(found, expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, ServedLayerTest,
    ::testing::Combine(::testing::Values(Cell::kTanhRnn, Cell::kReluRnn,
                                         Cell::kLstm, Cell::kGru),
                       ::testing::Values(Precision::kF32, Precision::kBF16,
                                         Precision::kInt8)),
    [](const auto& test) {
      return std::string(CellName(std::get<0>(test.param))) + "_" +
             NameOf(std::get<1>(test.param));
    });

}  // namespace
}  // namespace carousel
