// SPDX-License-Identifier: Apache-2.0

#include "model/layers/kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/tensor/tensor.h"

namespace carousel {
namespace {

using Floats = std::vector<float>;

// Lengths around the widths of vector registers.
const std::vector<int64_t> kLengths = {1, 7, 16, 33, 1000};

Floats RandomFloats(int64_t n, float low, float high, uint64_t seed) {
  Random random(seed);
  Floats values(static_cast<size_t>(n));
  for (float& value : values) value = random.Uniform(low, high);
  return values;
}

// Every version that this CPU can run.
class KernelsTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (SupportedKernels(GetParam()) == nullptr) {
      GTEST_SKIP() << "this CPU has fewer instruction sets";
    }
  }
  const Kernels& kernels() const { return *SupportedKernels(GetParam()); }
};
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

// As it is served: in place, and in int8 with the recurrent sums apart.
TEST_P(KernelsTest, ServedLstmIsTheEquationsToSixDigits) {
  constexpr int64_t kHidden = 37;
  const Floats sums = RandomFloats(4 * kHidden, -12, 12, 1);
  const Floats c_prev = RandomFloats(kHidden, -3, 3, 2);
  std::vector<int32_t> products, offsets;
  std::vector<float> scales;
  for (int64_t k = 0; k < 4 * kHidden; ++k) {
    products.push_back(static_cast<int32_t>(900 * k % 7001));
    offsets.push_back(static_cast<int32_t>(3000 + k));
    scales.push_back(0.001f * static_cast<float>(k % 5));
  }
  constexpr float kRowScale = 0.25f;
  for (bool int8 : {false, true}) {
    Floats c = c_prev, h(kHidden);
    kernels().lstm_served(kHidden,
                          {.sums = sums.data(),
                           .products = int8 ? products.data() : nullptr,
                           .offsets = offsets.data(),
                           .scales = scales.data(),
                           .row_scale = kRowScale,
                           .c = c.data(),
                           .h = h.data()});
    for (size_t k = 0; k < kHidden; ++k) {
      const auto sum = [&](size_t gate) {
        const size_t at = gate * kHidden + k;
        double value = static_cast<double>(sums[at]);
        if (int8) {
          value += static_cast<double>(kRowScale) *
                   static_cast<double>(scales[at]) *
                   (products[at] - offsets[at]);
        }
        return value;
      };
      const double next = Sigmoid(sum(1)) * static_cast<double>(c_prev[k]) +
                          Sigmoid(sum(0)) * std::tanh(sum(2));
      EXPECT_NEAR(c[k], next, 3e-6);
      EXPECT_NEAR(h[k], Sigmoid(sum(3)) * std::tanh(next), 3e-6);
    }
  }
}

// Exponentials of both signs overflow there, and still nothing becomes NaN.
TEST_P(KernelsTest, ServedLstmSaturatesAtHugeSums) {
  const Floats sums = {1000, 1000, 1000, 1000, -1000, -1000, -1000, -1000};
  Floats c = {2}, h(1);
  kernels().lstm_served(1, {.sums = sums.data(),
                            .products = nullptr,
                            .offsets = nullptr,
                            .scales = nullptr,
                            .row_scale = 0,
                            .c = c.data(),
                            .h = h.data()});
  EXPECT_NEAR(c[0], 3.0f, 1e-5);
  EXPECT_NEAR(h[0], std::tanh(3.0f), 1e-5);
  kernels().lstm_served(1, {.sums = sums.data() + 4,
                            .products = nullptr,
                            .offsets = nullptr,
                            .scales = nullptr,
                            .row_scale = 0,
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
    kernels().lstm_served(1, {.sums = sums.data(),
                              .products = nullptr,
                              .offsets = nullptr,
                              .scales = nullptr,
                              .row_scale = 0,
                              .c = c.data(),
                              .h = h.data()});
    EXPECT_NEAR(c[0], sum > 0 ? 3.0f : 0.0f, 1e-5);
    EXPECT_NEAR(h[0], sum > 0 ? std::tanh(3.0f) : 0.0f, 1e-5);
  }
  for (size_t gate = 0; gate < 4; ++gate) {
    Floats sums = {0, 0, 0, 0};
    sums[gate] = std::numeric_limits<float>::quiet_NaN();
    Floats c = {2}, h(1);
    kernels().lstm_served(1, {.sums = sums.data(),
                              .products = nullptr,
                              .offsets = nullptr,
                              .scales = nullptr,
                              .row_scale = 0,
                              .c = c.data(),
                              .h = h.data()});
    EXPECT_TRUE(std::isnan(h[0])) << gate;
  }
}

// A candidate or a memory far below zero is -1, whatever its gate lets through.
TEST_P(KernelsTest, ServedLstmSaturatesBehindAHalfOpenGate) {
  const Floats sums = {-0.1f, -0.1f, -100, -0.1f};
  Floats c = {-200}, h(1);
  kernels().lstm_served(1, {.sums = sums.data(),
                            .products = nullptr,
                            .offsets = nullptr,
                            .scales = nullptr,
                            .row_scale = 0,
                            .c = c.data(),
                            .h = h.data()});
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

// Bits must not depend on which version runs: the tensor's own rounding judges.
TEST_P(KernelsTest, BFloat16IsRoundedToNearestEven) {
  Floats values = RandomFloats(1000, -3, 3, 11);
  for (float special : {0.0f, -0.0f, 1e-40f, 3.4e38f, 1.00390625f, 1.01171875f,
                        std::numeric_limits<float>::infinity(), -1e30f}) {
    values.push_back(special);
  }
  std::vector<uint16_t> rounded(values.size());
  kernels().to_bf16(static_cast<int64_t>(values.size()), values.data(),
                    rounded.data());
  for (size_t k = 0; k < values.size(); ++k) {
    EXPECT_EQ(rounded[k], ToBFloat16(values[k]).bits) << values[k];
  }
}

TEST_P(KernelsTest, BFloat16ComesBackAsItIs) {
  std::vector<uint16_t> bits(1 << 16);
  for (size_t k = 0; k < bits.size(); ++k) bits[k] = static_cast<uint16_t>(k);
  Floats values(bits.size());
  kernels().from_bf16(static_cast<int64_t>(bits.size()), bits.data(),
                      values.data());
  for (size_t k = 0; k < bits.size(); ++k) {
    const float expected = ToFloat(BFloat16{bits[k]});
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(values[k])) << k;
    } else {
      EXPECT_EQ(values[k], expected) << k;
    }
  }
}

TEST_P(KernelsTest, BFloat16OfNanIsNan) {
  const float nan = __builtin_bit_cast(float, 0x7f800001);  // in the lower half
  uint16_t bits = 0;
  kernels().to_bf16(1, &nan, &bits);
  EXPECT_TRUE(std::isnan(ToFloat(BFloat16{bits})));
}

TEST_P(KernelsTest, AdamWIsTheAlgorithmOfThePaper) {
  for (int64_t n : kLengths) {
    const Floats gradient = RandomFloats(n, -2, 2, 5);
    Floats first = RandomFloats(n, -1, 1, 6), second = RandomFloats(n, 0, 1, 7);
    Floats weights = RandomFloats(n, -1, 1, 8);
    const Floats m = first, v = second, w = weights;
    kernels().adam(n,
                   {.learning_rate = 0.01f,
                    .beta1 = 0.9f,
                    .beta2 = 0.99f,
                    .epsilon = 1e-8f,
                    .weight_decay = 0.1f,
                    .gradient_scale = 0.5f,
                    .bias1 = 0.19f,
                    .bias2_sqrt = std::sqrt(0.0199f)},
                   gradient.data(), first.data(), second.data(),
                   weights.data());
    for (size_t k = 0; k < w.size(); ++k) {
      const double g = 0.5 * static_cast<double>(gradient[k]);
      const double mk = 0.9 * static_cast<double>(m[k]) + 0.1 * g;
      const double vk = 0.99 * static_cast<double>(v[k]) + 0.01 * g * g;
      const double step = mk / 0.19 / (std::sqrt(vk / 0.0199) + 1e-8);
      EXPECT_NEAR(weights[k],
                  static_cast<double>(w[k]) * (1 - 0.001) - 0.01 * step, 1e-6);
    }
  }
}

// Decay inside the gradient goes through the moments: that is Adam's, not
// AdamW's.
TEST_P(KernelsTest, AdamAddsTheDecayToTheGradient) {
  for (int64_t n : kLengths) {
    const Floats gradient = RandomFloats(n, -2, 2, 5);
    Floats weights = RandomFloats(n, -1, 1, 8);
    const Floats w = weights;
    const auto size = static_cast<size_t>(n);
    Floats first(size), second(size);
    kernels().adam(n,
                   {.learning_rate = 0.01f,
                    .beta1 = 0.9f,
                    .beta2 = 0.99f,
                    .epsilon = 1e-8f,
                    .l2 = 0.1f,
                    .gradient_scale = 0.5f,
                    .bias1 = 0.1f,
                    .bias2_sqrt = 0.1f},
                   gradient.data(), first.data(), second.data(),
                   weights.data());
    for (size_t k = 0; k < w.size(); ++k) {
      EXPECT_NEAR(first[k], 0.1 * (0.5 * gradient[k] + 0.1 * w[k]), 1e-6);
      // A first step is as long as the rate.
      EXPECT_NEAR(std::abs(weights[k] - w[k]), 0.01, 1e-4);
    }
  }
}

TEST_P(KernelsTest, SgdDecaysAndGathersMomentum) {
  for (int64_t n : kLengths) {
    const Floats gradient = RandomFloats(n, -2, 2, 5);
    Floats velocity = RandomFloats(n, -2, 2, 6);
    Floats weights = RandomFloats(n, -1, 1, 7), plain = weights;
    const Floats v = velocity, w = weights;
    const SgdStep step = {.learning_rate = 0.5f,
                          .gradient_scale = 0.25f,
                          .l2 = 0.1f,
                          .momentum = 0.9f};
    kernels().sgd_momentum(n, step, gradient.data(), velocity.data(),
                           weights.data());
    kernels().sgd(n, step, gradient.data(), plain.data());
    for (size_t k = 0; k < w.size(); ++k) {
      const float g = 0.25f * gradient[k] + 0.1f * w[k];
      EXPECT_NEAR(velocity[k], 0.9f * v[k] + g, 1e-6);
      EXPECT_NEAR(weights[k], w[k] - 0.5f * velocity[k], 1e-6);
      EXPECT_NEAR(plain[k], w[k] - 0.5f * g, 1e-6);
    }
  }
}

TEST_P(KernelsTest, SimpleKernelsDoWhatTheySay) {
  for (int64_t n : kLengths) {
    const Floats x = RandomFloats(n, -2, 2, 9),
                 start = RandomFloats(n, -2, 2, 10);
    Floats sum = start, product = start, descended = start;
    Floats mean = start, clamped = start;
    kernels().average(n, 0.25f, x.data(), mean.data());
    kernels().scale_and_clamp(n, 2.0f, 1.5f, clamped.data());
    kernels().add(n, x.data(), sum.data());
    kernels().multiply(n, x.data(), product.data());
    kernels().sgd(n, {.learning_rate = 0.5f, .gradient_scale = 0.5f}, x.data(),
                  descended.data());
    double squares = 0;
    for (size_t k = 0; k < x.size(); ++k) {
      EXPECT_FLOAT_EQ(sum[k], start[k] + x[k]);
      EXPECT_FLOAT_EQ(product[k], start[k] * x[k]);
      EXPECT_NEAR(descended[k], start[k] - 0.25f * x[k], 1e-6);
      EXPECT_NEAR(mean[k], 0.75f * start[k] + 0.25f * x[k], 1e-6);
      EXPECT_FLOAT_EQ(clamped[k], std::clamp(2 * start[k], -1.5f, 1.5f));
      squares += static_cast<double>(x[k]) * static_cast<double>(x[k]);
    }
    EXPECT_NEAR(kernels().sum_of_squares(n, x.data()), squares, 1e-9 * squares);
  }
}

TEST_P(KernelsTest, LargestMagnitudeIsThatOfTheDefinition) {
  for (int64_t n : kLengths) {
    Floats x = RandomFloats(n, -1, 1, 1);
    x[x.size() / 2] = -3;
    EXPECT_EQ(kernels().largest_magnitude(n, x.data()), 3);
  }
  EXPECT_EQ(kernels().largest_magnitude(0, nullptr), 0);
}

TEST_P(KernelsTest, QuantisedIsRoundedAndBounded) {
  for (int64_t n : kLengths) {
    Floats x = RandomFloats(n, -2, 2, 1);
    x[0] = std::numeric_limits<float>::quiet_NaN();
    std::vector<uint8_t> q(x.size());
    kernels().quantise(n, 100.0f, x.data(), q.data());
    EXPECT_EQ(q[0], 1);
    for (size_t k = 1; k < x.size(); ++k) {
      const double exact = 128 + 100 * static_cast<double>(x[k]);
      ASSERT_NEAR(q[k], std::min(255.0, std::max(1.0, exact)), 0.5 + 1e-4);
    }
  }
}

TEST_P(KernelsTest, DequantisedSumsAreAdded) {
  for (int64_t n : kLengths) {
    const Floats scales = RandomFloats(n, 0.1f, 1, 1);
    std::vector<int32_t> sums, offsets;
    for (int32_t k = 0; k < n; ++k) {
      sums.push_back(1000 * k - 30000);
      offsets.push_back(77 * k);
    }
    const Floats before = RandomFloats(n, -1, 1, 2);
    Floats y = before;
    kernels().add_dequantised(n, sums.data(), offsets.data(), 0.5f,
                              scales.data(), y.data());
    for (size_t k = 0; k < y.size(); ++k) {
      const double expected =
          static_cast<double>(before[k]) +
          0.5 * static_cast<double>(scales[k]) * (sums[k] - offsets[k]);
      ASSERT_NEAR(y[k], expected, 1e-6 * (1 + std::abs(expected)));
    }
  }
}

}  // namespace
}  // namespace carousel
