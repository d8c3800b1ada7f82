// SPDX-License-Identifier: Apache-2.0

#include "model/layers/head_kernels.h"

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/gradient_check.h"

namespace carousel {
namespace {

// Lengths around the widths of vector registers.
const std::vector<size_t> kLengths = {1, 7, 16, 33, 1000};

Doubles SoftmaxOf(const Doubles& x) {
  double sum = 0;
  for (double value : x) sum += std::exp(value);
  Doubles result;
  for (double value : x) result.push_back(std::exp(value) / sum);
  return result;
}

// Every version that this CPU can run.
class HeadKernelsTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (SupportedKernels(GetParam()) == nullptr) {
      GTEST_SKIP() << "this CPU has fewer instruction sets";
    }
  }
  const HeadKernels& kernels() const {
    return *SupportedKernels(GetParam())->heads;
  }
};
INSTANTIATE_TEST_SUITE_P(Versions, HeadKernelsTest, ::testing::Range(0, 3));

TEST_P(HeadKernelsTest, SoftmaxAndItsLogarithmAreThoseOfDoubleArithmetic) {
  for (size_t n : kLengths) {
    const Doubles x = RandomDoubles(n, 20, 1);
    const Doubles expected = SoftmaxOf(x);
    Floats p = ToFloats(x), log_p = ToFloats(x);
    kernels().softmax(static_cast<int64_t>(n), p.data());
    kernels().log_softmax(static_cast<int64_t>(n), log_p.data());
    EXPECT_LE(RelativeDifference(p, expected), 1e-5);
    for (size_t k = 0; k < n; ++k) {
      EXPECT_NEAR(log_p[k], std::log(expected[k]), 1e-5 * 40);
    }
  }
}

// Against central differences of factors . softmax(x).
TEST_P(HeadKernelsTest, SoftmaxBackwardIsTheGradient) {
  for (size_t n : {1u, 7u, 33u}) {
    Doubles x = RandomDoubles(n, 2, 2);
    const Doubles factors = RandomDoubles(n, 1, 3);
    const auto loss = [&] {
      const Doubles p = SoftmaxOf(x);
      double sum = 0;
      for (size_t k = 0; k < n; ++k) sum += factors[k] * p[k];
      return sum;
    };
    const Floats p = ToFloats(SoftmaxOf(x));
    Floats gradient = ToFloats(factors);
    kernels().softmax_backward(static_cast<int64_t>(n), p.data(),
                               gradient.data());
    if (n == 1) {
      EXPECT_NEAR(gradient[0], 0, 1e-6);
      continue;
    }
    EXPECT_LE(GradientError(loss, &x, gradient), 1e-5);
  }
}

TEST_P(HeadKernelsTest, AdditiveScoreAndItsGradientAreThoseOfTheEquation) {
  for (size_t n : kLengths) {
    const auto size = static_cast<int64_t>(n);
    std::vector<Doubles> in = {RandomDoubles(n, 1, 4), RandomDoubles(n, 2, 5),
                               RandomDoubles(n, 2, 6)};
    const auto score = [&] {
      double sum = 0;
      for (size_t k = 0; k < n; ++k) {
        sum += in[0][k] * std::tanh(in[1][k] + in[2][k]);
      }
      return sum;
    };
    const Floats v = ToFloats(in[0]), key = ToFloats(in[1]),
                 query = ToFloats(in[2]);
    const AdditiveScore row = {
        .v = v.data(), .key = key.data(), .query = query.data()};
    EXPECT_NEAR(kernels().additive_score(size, row), score(),
                1e-6 * static_cast<double>(n));
    std::vector<Floats> gradients(3, Floats(n));
    kernels().additive_score_backward(size, 1.0f, row,
                                      {.v = gradients[0].data(),
                                       .key = gradients[1].data(),
                                       .query = gradients[2].data()});
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_LE(GradientError(score, &in[i], gradients[i]), 1e-5);
    }
  }
}

// Smoothing 0 is the plain cross-entropy.
TEST_P(HeadKernelsTest, SmoothedCrossEntropyIsThatOfDoubleArithmetic) {
  for (size_t n : kLengths) {
    for (float smoothing : {0.0f, 0.1f}) {
      const Doubles logits = RandomDoubles(n, 10, 7);
      const Floats bias = ToFloats(RandomDoubles(n, 1, 8));
      Doubles sums = logits;
      for (size_t k = 0; k < n; ++k) sums[k] += static_cast<double>(bias[k]);
      const Doubles p = SoftmaxOf(sums);
      const size_t target = n / 2;
      double loss = 0;
      Doubles gradient = p;
      for (size_t k = 0; k < n; ++k) {
        const double s = static_cast<double>(smoothing);
        const double q = (k == target ? 1 - s : 0) + s / static_cast<double>(n);
        loss -= q * std::log(p[k]);
        gradient[k] -= q;
      }
      Floats found = ToFloats(logits);
      EXPECT_NEAR(kernels().smoothed_cross_entropy(
                      static_cast<int64_t>(n), found.data(), bias.data(),
                      static_cast<int32_t>(target), smoothing),
                  loss, 1e-5 * loss + 1e-6);
      for (size_t k = 0; k < n; ++k) EXPECT_NEAR(found[k], gradient[k], 1e-6);
    }
  }
}

// A NaN must be seen, not turned into a plausible number.
TEST_P(HeadKernelsTest, SmoothedCrossEntropyOfNanIsNan) {
  Floats logits(100, 1.0f);
  logits[40] = std::nanf("");
  const Floats bias(100, 0.0f);
  EXPECT_TRUE(std::isnan(kernels().smoothed_cross_entropy(
      100, logits.data(), bias.data(), 3, 0.1f)));
}

TEST_P(HeadKernelsTest, SimpleKernelsDoWhatTheySay) {
  for (size_t n : kLengths) {
    const auto size = static_cast<int64_t>(n);
    const Floats x = ToFloats(RandomDoubles(n, 2, 9));
    const Floats start = ToFloats(RandomDoubles(n, 2, 10));
    Floats sum = start, max = start, plain_max = start, plain_sum = start;
    std::vector<int32_t> places(n, 3);
    kernels().add_scaled(size, 0.25f, x.data(), sum.data());
    kernels().maximum(size, 8, x.data(), max.data(), places.data());
    kernels().maximum_and_sum(size, x.data(), plain_max.data(),
                              plain_sum.data());
    double dot = 0;
    for (size_t k = 0; k < n; ++k) {
      EXPECT_NEAR(sum[k], start[k] + 0.25f * x[k], 1e-6);
      EXPECT_EQ(max[k], std::max(x[k], start[k]));
      EXPECT_EQ(plain_max[k], max[k]);
      EXPECT_EQ(plain_sum[k], start[k] + x[k]);
      EXPECT_EQ(places[k], x[k] > start[k] ? 8 : 3);
      dot += static_cast<double>(x[k]) * static_cast<double>(start[k]);
    }
    EXPECT_NEAR(kernels().dot(size, x.data(), start.data()), dot,
                1e-6 * static_cast<double>(n));
  }
}

}  // namespace
}  // namespace carousel
