// SPDX-License-Identifier: Apache-2.0

#include "model/base/random.h"

#include <array>
#include <set>

#include "gtest/gtest.h"

namespace carousel {
namespace {

// Runs are repeated on other machines: the numbers themselves are the contract.
// Reference: splitmix64 by its authors, seed 0, first three numbers.
TEST(RandomTest, MixBitsIsSplitmix64) {
  constexpr uint64_t kStep = 0x9e3779b97f4a7c15ull;
  EXPECT_EQ(MixBits(0), 0xe220a8397b1dcdafull);
  EXPECT_EQ(MixBits(kStep), 0x6e789e6aa1b965f4ull);
  EXPECT_EQ(MixBits(2 * kStep), 0x06c45d188009454full);
}

// A resumed run draws what the uninterrupted one drew.
TEST(RandomTest, EqualKeysGiveEqualStreams) {
  Random a(7, 1, 2, 3), b(7, 1, 2, 3);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.Bits(), b.Bits());
}

// Neighbouring steps and rows must not share their dropout masks.
TEST(RandomTest, EachPartOfTheKeyCounts) {
  std::set<uint64_t> first;
  for (uint64_t key = 0; key < 16; ++key) {
    first.insert(
        Random(key & 1, (key >> 1) & 1, (key >> 2) & 1, key >> 3).Bits());
  }
  EXPECT_EQ(first.size(), 16);
}

// Off-by-one at either end would bias every dropout mask.
TEST(RandomTest, UniformStaysInRangeWithTheRightMean) {
  Random random(1);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const float x = random.Uniform();
    ASSERT_GE(x, 0.0f);
    ASSERT_LT(x, 1.0f);
    sum += x;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.005);  // 5 standard errors
}

// Initial weights are drawn from (-a, a).
TEST(RandomTest, UniformBetweenBoundsStaysBetweenThem) {
  Random random(2);
  for (int i = 0; i < 10'000; ++i) {
    const float x = random.Uniform(-0.25f, 0.5f);
    ASSERT_GE(x, -0.25f);
    ASSERT_LT(x, 0.5f);
  }
}

// Shuffles are fair.
TEST(RandomTest, BelowReachesEveryValueEquallyOften) {
  Random random(3);
  std::array<int, 7> counts = {};
  for (int i = 0; i < 70'000; ++i) ++counts[random.Below(7)];
  for (int count : counts) EXPECT_NEAR(count, 10'000, 500);
  EXPECT_EQ(random.Below(1), 0);
}

}  // namespace
}  // namespace carousel
