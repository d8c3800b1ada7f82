// SPDX-License-Identifier: Apache-2.0
//
// Rounding, the steps of optimisers, and what is done element by element.

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

class ElementwiseKernelsTest : public KernelsTest {};
INSTANTIATE_TEST_SUITE_P(Versions, ElementwiseKernelsTest,
                         ::testing::Range(0, 3));

// Bits must not depend on which version runs: the tensor's own rounding judges.
TEST_P(ElementwiseKernelsTest, BFloat16IsRoundedToNearestEven) {
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

TEST_P(ElementwiseKernelsTest, BFloat16ComesBackAsItIs) {
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

TEST_P(ElementwiseKernelsTest, BFloat16OfNanIsNan) {
  const float nan = __builtin_bit_cast(float, 0x7f800001);  // in the lower half
  uint16_t bits = 0;
  kernels().to_bf16(1, &nan, &bits);
  EXPECT_TRUE(std::isnan(ToFloat(BFloat16{bits})));
}

TEST_P(ElementwiseKernelsTest, AdamWIsTheAlgorithmOfThePaper) {
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
TEST_P(ElementwiseKernelsTest, AdamAddsTheDecayToTheGradient) {
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

TEST_P(ElementwiseKernelsTest, SgdDecaysAndGathersMomentum) {
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

TEST_P(ElementwiseKernelsTest, SimpleKernelsDoWhatTheySay) {
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

TEST_P(ElementwiseKernelsTest, LargestMagnitudeIsThatOfTheDefinition) {
  for (int64_t n : kLengths) {
    Floats x = RandomFloats(n, -1, 1, 1);
    x[x.size() / 2] = -3;
    EXPECT_EQ(kernels().largest_magnitude(n, x.data()), 3);
  }
  EXPECT_EQ(kernels().largest_magnitude(0, nullptr), 0);
}

TEST_P(ElementwiseKernelsTest, QuantisedIsRoundedAndBounded) {
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

}  // namespace
}  // namespace carousel
