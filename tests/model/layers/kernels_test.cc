// SPDX-License-Identifier: Apache-2.0
//
// Cells and losses.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "model/tensor/tensor.h"
#include "tests/model/layers/kernels_fixture.h"

namespace carousel {
namespace {

INSTANTIATE_TEST_SUITE_P(Versions, KernelsTest, ::testing::Range(0, 3));

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST_P(KernelsTest, LstmForwardIsTheEquationsToSixDigits) {
  for (int64_t n : kLengths) {
    const Floats sums = RandomFloats(4 * n, -12, 12, 1);
    const Floats c_prev = RandomFloats(n, -3, 3, 2);
    const auto size = static_cast<size_t>(n);
    Floats gates = sums, c(size), tanh_c(size), h(size);
    kernels().lstm_forward(n, {.gates = gates.data(),
                               .c_prev = c_prev.data(),
                               .c = c.data(),
                               .tanh_c = tanh_c.data(),
                               .h = h.data()});
    for (size_t k = 0; k < size; ++k) {
      const double i = Sigmoid(sums[k]), f = Sigmoid(sums[size + k]);
      const double g = std::tanh(static_cast<double>(sums[2 * size + k]));
      const double o = Sigmoid(sums[3 * size + k]);
      const double expected_c = f * static_cast<double>(c_prev[k]) + i * g;
      EXPECT_NEAR(c[k], expected_c, 1e-6);
      EXPECT_NEAR(h[k], o * std::tanh(expected_c), 1e-6);
    }
  }
}

// Gates that saturate must not become NaN or infinite.
TEST_P(KernelsTest, LstmForwardSaturatesAtHugeSums) {
  Floats gates = {1e30f, -1e30f, 1e30f, 1e30f};
  const float c_prev = 5;
  float c = 0, tanh_c = 0, h = 0;
  kernels().lstm_forward(1, {.gates = gates.data(),
                             .c_prev = &c_prev,
                             .c = &c,
                             .tanh_c = &tanh_c,
                             .h = &h});
  EXPECT_FLOAT_EQ(c, 1.0f);
  EXPECT_FLOAT_EQ(h, std::tanh(1.0f));
}

// As it is served: in place.
TEST_P(KernelsTest, ServedLstmIsTheEquationsToSixDigits) {
  constexpr int64_t kHidden = 37;
  const Floats sums = RandomFloats(4 * kHidden, -12, 12, 1);
  const Floats c_prev = RandomFloats(kHidden, -3, 3, 2);
  Floats c = c_prev, h(kHidden);
  kernels().lstm_served(kHidden,
                        {.sums = sums.data(), .c = c.data(), .h = h.data()});
  for (size_t k = 0; k < kHidden; ++k) {
    const auto sum = [&](size_t gate) {
      return static_cast<double>(sums[gate * kHidden + k]);
    };
    const double next = Sigmoid(sum(1)) * static_cast<double>(c_prev[k]) +
                        Sigmoid(sum(0)) * std::tanh(sum(2));
    EXPECT_NEAR(c[k], next, 3e-6);
    EXPECT_NEAR(h[k], Sigmoid(sum(3)) * std::tanh(next), 3e-6);
  }
}

// Exponentials of both signs overflow there, and still nothing becomes NaN.
TEST_P(KernelsTest, ServedLstmSaturatesAtHugeSums) {
  const Floats sums = {1000, 1000, 1000, 1000, -1000, -1000, -1000, -1000};
  Floats c = {2}, h(1);
  kernels().lstm_served(1, {.sums = sums.data(), .c = c.data(), .h = h.data()});
  EXPECT_NEAR(c[0], 3.0f, 1e-5);
  EXPECT_NEAR(h[0], std::tanh(3.0f), 1e-5);
  kernels().lstm_served(1, {.sums = sums.data() + 4,

                            .c = c.data(),
                            .h = h.data()});
  EXPECT_NEAR(c[0], 0.0f, 1e-5);
  EXPECT_NEAR(h[0], 0.0f, 1e-5);
}

// An overflow of the weights is one of numbers that saturate; a NaN must show.
TEST_P(KernelsTest, ServedLstmTellsInfiniteFromNan) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (float sum : {kInfinity, -kInfinity}) {
    const Floats sums = {sum, sum, sum, sum};
    Floats c = {2}, h(1);
    kernels().lstm_served(1,
                          {.sums = sums.data(), .c = c.data(), .h = h.data()});
    EXPECT_NEAR(c[0], sum > 0 ? 3.0f : 0.0f, 1e-5);
    EXPECT_NEAR(h[0], sum > 0 ? std::tanh(3.0f) : 0.0f, 1e-5);
  }
  for (size_t gate = 0; gate < 4; ++gate) {
    Floats sums = {0, 0, 0, 0};
    sums[gate] = std::numeric_limits<float>::quiet_NaN();
    Floats c = {2}, h(1);
    kernels().lstm_served(1,
                          {.sums = sums.data(), .c = c.data(), .h = h.data()});
    EXPECT_TRUE(std::isnan(h[0])) << gate;
  }
}

// A candidate or a memory far below zero is -1, whatever its gate lets through.
TEST_P(KernelsTest, ServedLstmSaturatesBehindAHalfOpenGate) {
  const Floats sums = {-0.1f, -0.1f, -100, -0.1f};
  Floats c = {-200}, h(1);
  kernels().lstm_served(1, {.sums = sums.data(), .c = c.data(), .h = h.data()});
  EXPECT_NEAR(c[0], -201 * Sigmoid(-0.1), 1e-3);
  EXPECT_NEAR(h[0], -Sigmoid(-0.1), 1e-5);
}

TEST_P(KernelsTest, GruForwardIsTheEquationsToSixDigits) {
  for (int64_t n : kLengths) {
    const auto size = static_cast<size_t>(n);
    const Floats x = RandomFloats(3 * n, -6, 6, 1);
    const Floats recurrent = RandomFloats(3 * n, -6, 6, 2);
    const Floats bias = RandomFloats(3 * n, -1, 1, 3);
    const Floats h_prev = RandomFloats(n, -1, 1, 4);
    Floats gates = x, recurrent_n(size), h(size);
    kernels().gru_forward(n, {.gates = gates.data(),
                              .recurrent = recurrent.data(),
                              .bias_hh = bias.data(),
                              .h_prev = h_prev.data(),
                              .recurrent_n = recurrent_n.data(),
                              .h = h.data()});
    for (size_t k = 0; k < size; ++k) {
      const auto a = [&](size_t gate) {
        return static_cast<double>(x[gate * size + k]);
      };
      const auto b = [&](size_t gate) {
        return static_cast<double>(recurrent[gate * size + k]) +
               static_cast<double>(bias[gate * size + k]);
      };
      const double r = Sigmoid(a(0) + b(0)), z = Sigmoid(a(1) + b(1));
      const double candidate = std::tanh(a(2) + r * b(2));
      EXPECT_NEAR(
          h[k], (1 - z) * candidate + z * static_cast<double>(h_prev[k]), 2e-6);
    }
  }
}

TEST_P(KernelsTest, SimpleCellsAreTheirActivations) {
  for (int64_t n : kLengths) {
    const Floats sums = RandomFloats(n, -4, 4, 1);
    const Floats dh = RandomFloats(n, -1, 1, 2);
    Floats tanh(sums.size()), relu = tanh, dtanh = tanh, drelu = tanh;
    kernels().tanh_forward(n, sums.data(), tanh.data());
    kernels().tanh_backward(n, tanh.data(), dh.data(), dtanh.data());
    kernels().relu_forward(n, sums.data(), relu.data());
    kernels().relu_backward(n, relu.data(), dh.data(), drelu.data());
    for (size_t k = 0; k < sums.size(); ++k) {
      const double exact = std::tanh(static_cast<double>(sums[k]));
      EXPECT_NEAR(tanh[k], exact, 1e-6);
      EXPECT_NEAR(dtanh[k], static_cast<double>(dh[k]) * (1 - exact * exact),
                  1e-6);
      EXPECT_EQ(relu[k], std::max(sums[k], 0.0f));
      EXPECT_EQ(drelu[k], sums[k] > 0 ? dh[k] : 0.0f);
    }
  }
}

TEST_P(KernelsTest, TanhIsTheSameInPlace) {
  for (int64_t n : kLengths) {
    Floats h = RandomFloats(n, -4, 4, 1), dh = RandomFloats(n, -1, 1, 2);
    Floats expected_h = h, expected_dsums = h;
    kernels().tanh_forward(n, h.data(), expected_h.data());
    kernels().tanh_backward(n, expected_h.data(), dh.data(),
                            expected_dsums.data());
    kernels().tanh_forward(n, h.data(), h.data());
    kernels().tanh_backward(n, h.data(), dh.data(), dh.data());
    EXPECT_EQ(h, expected_h);
    EXPECT_EQ(dh, expected_dsums);
  }
}

// A NaN must be seen, not turned into a plausible number.
TEST_P(KernelsTest, ReluOfNanIsNan) {
  const Floats sums(20, std::nanf(""));
  Floats h(20);
  kernels().relu_forward(20, sums.data(), h.data());
  for (float value : h) EXPECT_TRUE(std::isnan(value));
}

TEST_P(KernelsTest, CrossEntropyIsThatOfDoubleArithmetic) {
  for (int64_t n : kLengths) {
    Floats logits = RandomFloats(n, -20, 20, 3);
    const Floats bias = RandomFloats(n, -1, 1, 4);
    const auto target = static_cast<int32_t>(n / 2);
    std::vector<double> exact;
    double sum = 0;
    for (size_t k = 0; k < logits.size(); ++k) {
      exact.push_back(std::exp(static_cast<double>(logits[k] + bias[k])));
      sum += exact.back();
    }
    const float loss = kernels().softmax_cross_entropy(
        n, logits.data(), bias.data(), target, 0.5f);
    const auto t = static_cast<size_t>(target);
    EXPECT_NEAR(loss, std::log(sum / exact[t]),
                1e-5 * std::log(sum / exact[t]) + 1e-6);
    for (size_t k = 0; k < logits.size(); ++k) {
      const double expected = 0.5 * (exact[k] / sum - (k == t ? 1.0 : 0.0));
      EXPECT_NEAR(logits[k], expected, 1e-6);
    }
  }
}

// A NaN must be seen, not turned into a plausible number.
TEST_P(KernelsTest, CrossEntropyOfNanIsNan) {
  Floats logits(100, 1.0f);
  logits[40] = std::nanf("");
  const Floats bias(100, 0.0f);
  const float loss =
      kernels().softmax_cross_entropy(100, logits.data(), bias.data(), 3, 1.0f);
  EXPECT_TRUE(std::isnan(loss));
}

}  // namespace
}  // namespace carousel
