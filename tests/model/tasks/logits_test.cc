// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/logits.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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

bool All(int) { return true; }

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

TEST(LogitsTest, NearTopFindsTheLargest) {
  const std::vector<float> logits = {1, 5, 3, 4, 2};
  EXPECT_THAT(NearTop(logits, 2, 0.0f, All), ElementsAre(1, 3));
}

TEST(LogitsTest, NearTopKeepsWhatIsWithinTheSlack) {
  const std::vector<float> logits = {1, 5, 3, 4, 2};
  EXPECT_THAT(NearTop(logits, 2, 1.5f, All), ElementsAre(1, 2, 3));
}

TEST(LogitsTest, NearTopPassesOverWhatIsNotAccepted) {
  const std::vector<float> logits = {1, 5, 3, 4, 2};
  const auto even = [](int index) { return index % 2 == 0; };
  EXPECT_THAT(NearTop(logits, 1, 0.0f, even), ElementsAre(2));
}

TEST(LogitsTest, NearTopOfFewIsAll) {
  EXPECT_THAT(NearTop(std::vector<float>{1, 2}, 5, 0.0f, All),
              ElementsAre(0, 1));
  EXPECT_THAT(NearTop({}, 5, 0.0f, All), IsEmpty());
}

}  // namespace
}  // namespace carousel
