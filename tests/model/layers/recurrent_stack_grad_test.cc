// SPDX-License-Identifier: Apache-2.0

#include "model/layers/recurrent_stack_grad.h"

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/reference_recurrent.h"

namespace carousel {
namespace {

constexpr int kSteps = 4;
constexpr int kRows = 3;

enum class Kind { kNone, kEachStep, kVariational, kWeightDrop };

StackDropout DropoutOf(Kind kind) {
  switch (kind) {
    case Kind::kNone:
      return {};
    case Kind::kEachStep:
      return {.input = 0.3f, .layers = 0.4f, .output = 0.5f};
    case Kind::kVariational:
      return {
          .input = 0.3f, .layers = 0.4f, .output = 0.5f, .variational = true};
    case Kind::kWeightDrop:
      return {.weight_drop = 0.4f};
  }
  return {};
}

// A stack in training beside its reference. The loss is a sum with random
// coefficients of all that comes out, the final state too.
class Fixture {
 public:
  Fixture(const StackSizes& sizes, const StackDropout& dropout)
      : sizes_(sizes),
        dropout_(dropout),
        specs_(StackWeightSpecs("", sizes)),
        reference_{.sizes = sizes,
                   .weights = RandomReferenceWeights(specs_, 1),
                   .masks = {},
                   .weight_masks = {}},
        tensors_(ToTensors(specs_, reference_.weights)),
        stack_(RecurrentStackGrad::Create(sizes, kSteps, kRows, dropout,
                                          Precision::kF32)
                   .value()) {
    for (const Tensor& tensor : tensors_) {
      weights_.push_back(tensor.data<float>());
      gradients_.emplace_back(static_cast<size_t>(tensor.size()));
    }
    for (auto& gradient : gradients_) pointers_.push_back(gradient.data());
    x_ = Randoms(kSteps * kRows * sizes.inputs);
    dy_ = Randoms(kSteps * kRows * sizes.outputs());
    state_ = ZeroState(sizes, kRows);
    dstate_ = state_;
    for (auto* values : {&state_.h, &state_.c, &dstate_.h, &dstate_.c}) {
      *values = Randoms(static_cast<int64_t>(values->size()));
    }
    // Row 0 goes on from the state before, row 1 begins at step 1, row 2 at 0.
    // Rows of one direction may begin again.
    resets_.assign(kSteps * kRows, 0);
    resets_[1 * kRows + 1] = 1;
    resets_[2] = 1;
    if (!sizes.bidirectional) resets_[3 * kRows + 1] = 1;
    if (sizes.bidirectional)
      std::fill_n(dy_.begin() + sizes.outputs(), sizes.outputs(),
                  0.0f);  // padding
  }

  std::vector<float> Randoms(int64_t n) {
    std::vector<float> values(static_cast<size_t>(n));
    for (float& value : values) value = random_.Uniform(-1.0f, 1.0f);
    return values;
  }

  // The masks that the stack draws for `key`, for each step.
  void GiveMasksToReference(DropoutKey key) {
    const int site = key.site;
    for (int k = 0; k <= sizes_.layers; ++k) {
      const float rate = k == 0              ? dropout_.input
                         : k < sizes_.layers ? dropout_.layers
                                             : dropout_.output;
      const int width = sizes_.InputWidth(k);
      std::vector<float> mask(static_cast<size_t>(
          dropout_.variational ? kRows * width : kSteps * kRows * width));
      key.site = site + k;
      FillDropoutMask(key, rate, width, absl::MakeSpan(mask));
      auto& all = reference_.masks.emplace_back();
      while (all.size() < static_cast<size_t>(kSteps * kRows * width)) {
        all.insert(all.end(), mask.begin(), mask.end());
      }
    }
    for (int i = 0; i < sizes_.layers * sizes_.directions(); ++i) {
      auto& mask = reference_.weight_masks.emplace_back(
          reference_.weights[static_cast<size_t>(4 * i + 1)].size());
      key.site = site + sizes_.layers + 1 + i;
      FillDropoutMask(key, dropout_.weight_drop, sizes_.hidden,
                      absl::MakeSpan(mask));
    }
  }

  // What comes out of row n, and its final states in *states.
  std::vector<Doubles> ReferenceRun(size_t n,
                                    std::vector<ReferenceState>* states) const {
    const auto inputs = static_cast<size_t>(sizes_.inputs);
    const auto hidden = static_cast<size_t>(sizes_.hidden);
    *states = reference_.ZeroStates();
    for (size_t i = 0; i < states->size(); ++i) {
      for (size_t k = 0; k < hidden; ++k) {
        const size_t at = (i * kRows + n) * hidden + k;
        (*states)[i].h[k] = h0_[at];
        if (!c0_.empty()) (*states)[i].c[k] = c0_[at];
      }
    }
    std::vector<Doubles> x;
    std::vector<uint8_t> resets;
    for (size_t t = 0; t < kSteps; ++t) {
      const auto first =
          x0_.begin() + static_cast<long>((t * kRows + n) * inputs);
      x.emplace_back(first, first + static_cast<long>(inputs));
      resets.push_back(resets_[t * kRows + n]);
    }
    return reference_.Run(x, resets, n, kRows, states);
  }

  double ReferenceLoss() const {
    const auto hidden = static_cast<size_t>(sizes_.hidden);
    double loss = 0;
    for (size_t n = 0; n < kRows; ++n) {
      std::vector<ReferenceState> states;
      const auto y = ReferenceRun(n, &states);
      for (size_t t = 0; t < kSteps; ++t) {
        for (size_t k = 0; k < y[t].size(); ++k) {
          loss += static_cast<double>(dy_[(t * kRows + n) * y[t].size() + k]) *
                  y[t][k];
        }
      }
      for (size_t i = 0; i < states.size(); ++i) {
        for (size_t k = 0; k < hidden; ++k) {
          const size_t at = (i * kRows + n) * hidden + k;
          loss += static_cast<double>(dstate_.h[at]) * states[i].h[k];
          if (c0_.empty()) continue;
          loss += static_cast<double>(dstate_.c[at]) * states[i].c[k];
        }
      }
    }
    return loss;
  }

  // `found` against central differences with respect to `values`.
  void ExpectGradient(absl::Span<const float> found, Doubles& values,
                      const std::string& name) const {
    ASSERT_EQ(found.size(), values.size()) << name;
    constexpr double kEpsilon = 1e-6;
    double difference = 0;
    double norm = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      const double before = values[i];
      values[i] = before + kEpsilon;
      const double above = ReferenceLoss();
      values[i] = before - kEpsilon;
      const double below = ReferenceLoss();
      values[i] = before;
      const double expected = (above - below) / (2 * kEpsilon);
      difference += std::pow(expected - static_cast<double>(found[i]), 2);
      norm += expected * expected;
    }
    EXPECT_LE(std::sqrt(difference), 1e-5 * std::sqrt(norm) + 1e-6) << name;
  }

  void Check(const DropoutKey* key) {
    if (key != nullptr) GiveMasksToReference(*key);
    x0_.assign(x_.begin(), x_.end());
    h0_.assign(state_.h.begin(), state_.h.end());
    c0_.assign(state_.c.begin(), state_.c.end());
    Executor executor;
    ASSERT_TRUE(
        stack_->Forward(weights_, x_.data(), resets_, key, &state_, &executor)
            .ok());
    ExpectForward();
    std::vector<float> dx(x_.size());
    ASSERT_TRUE(stack_
                    ->Backward(weights_, resets_, dy_.data(), &dstate_copy_(),
                               dx.data(), absl::MakeSpan(pointers_), &executor)
                    .ok());
    for (size_t i = 0; i < specs_.size(); ++i) {
      ExpectGradient(gradients_[i], reference_.weights[i], specs_[i].name);
    }
    ExpectGradient(dx, x0_, "x");
    ExpectGradient(dstate_out_.h, h0_, "h");
    ExpectGradient(dstate_out_.c, c0_, "c");
  }

  RecurrentState& dstate_copy_() { return dstate_out_ = dstate_; }

  void ExpectForward() const {
    const auto hidden = static_cast<size_t>(sizes_.hidden);
    for (size_t n = 0; n < kRows; ++n) {
      std::vector<ReferenceState> states;
      const auto y = ReferenceRun(n, &states);
      // Before a row's first step there is nothing to read.
      for (size_t t = n == 1 ? 1 : 0; t < kSteps; ++t) {
        for (size_t k = 0; k < y[t].size(); ++k) {
          EXPECT_NEAR(stack_->y()[(t * kRows + n) * y[t].size() + k], y[t][k],
                      1e-5);
        }
      }
      for (size_t i = 0; i < states.size(); ++i) {
        for (size_t k = 0; k < hidden; ++k) {
          EXPECT_NEAR(state_.h[(i * kRows + n) * hidden + k], states[i].h[k],
                      1e-5);
        }
      }
    }
  }

  StackSizes sizes_;
  StackDropout dropout_;
  std::vector<WeightSpec> specs_;
  ReferenceStack reference_;
  std::vector<Tensor> tensors_;
  std::vector<const float*> weights_;
  std::vector<std::vector<float>> gradients_;
  std::vector<float*> pointers_;
  std::vector<float> x_, dy_;
  std::vector<uint8_t> resets_;
  RecurrentState state_, dstate_, dstate_out_;
  Doubles x0_, h0_, c0_;  // what the reference starts from
  Random random_{7};
  std::unique_ptr<RecurrentStackGrad> stack_;
};

class RecurrentStackGradTest
    : public ::testing::TestWithParam<std::tuple<Cell, bool, bool, Kind>> {};

// Outputs, states and the gradients of weights, inputs and first state, against
// central differences in double of loops that share no code with them.
TEST_P(RecurrentStackGradTest, GradientsAreThoseOfCentralDifferences) {
  const auto [cell, bidirectional, residual, kind] = GetParam();
  Fixture fixture({.cell = cell,
                   .inputs = 2,
                   .hidden = 3,
                   .layers = 2,
                   .bidirectional = bidirectional,
                   .residual = residual},
                  DropoutOf(kind));
  const DropoutKey key = {.seed = 3, .step = 17, .site = 5};
  fixture.Check(kind == Kind::kNone ? nullptr : &key);
}

INSTANTIATE_TEST_SUITE_P(
    All, RecurrentStackGradTest,
    ::testing::Combine(::testing::Values(Cell::kTanhRnn, Cell::kReluRnn,
                                         Cell::kLstm, Cell::kGru),
                       ::testing::Bool(), ::testing::Bool(),
                       ::testing::Values(Kind::kNone, Kind::kEachStep,
                                         Kind::kVariational,
                                         Kind::kWeightDrop)));

}  // namespace
}  // namespace carousel
