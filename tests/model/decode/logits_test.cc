// SPDX-License-Identifier: Apache-2.0

#include "model/decode/logits.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "model/base/random.h"

namespace carousel {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> RandomLogits(size_t count, uint64_t seed) {
  std::vector<float> logits(count);
  Random random(seed);
  for (float& logit : logits) logit = random.Uniform(-30.0f, 12.0f);
  return logits;
}

double SlowLogSumExp(const std::vector<float>& logits) {
  double sum = 0;
  for (float logit : logits) sum += std::exp(static_cast<double>(logit));
  return std::log(sum);
}

TEST(LogitsTest, LogSumExpAgreesWithTheSlowSum) {
  // Sizes around those of a vector register and of a block.
  for (size_t count : {1, 2, 15, 16, 17, 1023, 1024, 1025, 20011}) {
    const std::vector<float> logits = RandomLogits(count, count);
    EXPECT_NEAR(LogSumExp(logits), SlowLogSumExp(logits), 2e-6) << count;
  }
}

TEST(LogitsTest, LargeLogitsDoNotOverflow) {
  const std::vector<float> logits(20, 1000.0f);
  EXPECT_NEAR(LogSumExp(logits), 1000 + std::log(20.0), 1e-4);
}

TEST(LogitsTest, ImpossibleTokensCountNothing) {
  const std::vector<float> logits = {-kInfinity, 0.0f, -kInfinity};
  EXPECT_NEAR(LogSumExp(logits), 0, 1e-6);
  EXPECT_EQ(LogSumExp({}), -kInfinity);
}

// Near 0, where they are summed as they are, and far from it on both sides.
TEST(LogitsTest, MaxAndSumAgreeWithTheSlowSum) {
  for (float shift : {0.0f, 50.0f, -50.0f, 500.0f, -500.0f}) {
    for (size_t count : {1, 2, 15, 31, 32, 33, 64, 255, 256, 300}) {
      std::vector<float> logits = RandomLogits(count, count);
      for (float& logit : logits) logit += shift;
      const MaxAndSum result = MaxAndSumExp(logits);
      EXPECT_EQ(result.max, *std::max_element(logits.begin(), logits.end()));
      EXPECT_NEAR(static_cast<double>(result.base) +
                      std::log(static_cast<double>(result.sum)),
                  SlowLogSumExp(logits), 4e-6)
          << count << " at " << shift;
    }
  }
}

TEST(LogitsTest, SumWithANanIsNone) {
  for (size_t place : {0, 15, 16, 40, 69}) {
    std::vector<float> logits(70, 1.0f);
    logits[place] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(MaxAndSumExp(logits).sum)) << place;
    EXPECT_TRUE(std::isnan(LogSumExp(logits))) << place;
  }
}

TEST(LogitsTest, SumOfImpossibleTokensIsNothing) {
  const std::vector<float> logits(40, -kInfinity);
  EXPECT_EQ(MaxAndSumExp(logits).max, -kInfinity);
  EXPECT_EQ(MaxAndSumExp(logits).sum, 0.0f);
}

// Places inside, at the edges of, and behind the blocks it looks at at once.
TEST(LogitsTest, FirstLargeLogitIsFoundWhereverItIs) {
  for (size_t place : {0, 1, 31, 32, 63, 64, 69}) {
    std::vector<float> logits(70, 1.0f);
    logits[place] = 2.0f;
    EXPECT_EQ(FindAtLeast(logits, 0, 2.0f), place);
    EXPECT_EQ(FindAtLeast(logits, place + 1, 2.0f), logits.size());
  }
  EXPECT_EQ(FindAtLeast({}, 0, 0.0f), 0u);
}

// What is behind the last logit is none.
TEST(LogitsTest, NothingIsFoundBehindTheEnd) {
  for (size_t count = 1; count < 70; ++count) {
    const std::vector<float> logits(count, -5.0f);
    EXPECT_EQ(FindAtLeast(logits, 0, -1.0f), count);
    EXPECT_EQ(FindAtLeast(logits, 0, -5.0f), 0u);
    EXPECT_NEAR(MaxAndSumExp(logits).sum,
                static_cast<double>(count) * std::exp(-5.0), 1e-6);
  }
}

}  // namespace
}  // namespace carousel
