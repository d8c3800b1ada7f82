// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/half.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "model/base/random.h"

namespace carousel {
namespace {

bool IsFinite(int half) { return (half & 0x7c00) != 0x7c00; }

// Every half is a float, and comes back.
TEST(HalfTest, EveryHalfGoesThereAndBack) {
  for (int half = 0; half < 0x10000; ++half) {
    const auto bits = static_cast<uint16_t>(half);
    if (IsFinite(half)) {
      EXPECT_EQ(ToHalf(FromHalf(bits)), bits);
    }
  }
  EXPECT_EQ(FromHalf(0x3c00), 1.0f);
  EXPECT_EQ(FromHalf(0xc000), -2.0f);
  EXPECT_EQ(FromHalf(0x0001), std::ldexp(1.0f, -24));
}

// Between each two neighbours, normal and not: half-way goes to the even one.
TEST(HalfTest, ToHalfTakesTheNearest) {
  for (int half = 0; half < 0x7bff; ++half) {
    const auto below = static_cast<uint16_t>(half);
    const auto above = static_cast<uint16_t>(half + 1);
    const float low = FromHalf(below), high = FromHalf(above);
    const float middle = (low + high) / 2;
    EXPECT_EQ(ToHalf(std::nextafter(middle, low)), below);
    EXPECT_EQ(ToHalf(std::nextafter(middle, high)), above);
    EXPECT_EQ(ToHalf(middle), half % 2 == 0 ? below : above);
    EXPECT_EQ(ToHalf(-middle), (half % 2 == 0 ? below : above) | 0x8000);
  }
}

// A state that is too large must not become an infinity, nor its product a NaN.
TEST(HalfTest, LargeNumbersBecomeTheLargestHalf) {
  EXPECT_EQ(FromHalf(ToHalf(1e6f)), 65504.0f);
  EXPECT_EQ(FromHalf(ToHalf(-std::numeric_limits<float>::infinity())),
            -65504.0f);
}

// A NaN must be seen, not turned into a plausible number.
TEST(HalfTest, NanStaysNan) {
  const uint16_t half = ToHalf(std::nanf(""));
  EXPECT_TRUE(std::isnan(FromHalf(half)));
  for (const size_t size : {1u, 16u, 33u}) {
    std::vector<uint16_t> x(size, ToHalf(1));
    x[size / 2] = half;
    const std::vector<float> y(size, 1.0f);
    EXPECT_TRUE(std::isnan(DotHalf(x, y)));
    EXPECT_TRUE(std::isnan(PlainDotHalf(x, y)));
  }
}

// Lengths around the widths of vector registers; the instruction set may change
// the order of the sum, nothing else.
TEST(HalfTest, DotIsThatOfDoubleArithmetic) {
  Random random(5);
  for (const size_t size : {0u, 1u, 7u, 8u, 15u, 16u, 31u, 32u, 33u, 512u}) {
    std::vector<uint16_t> x;
    std::vector<float> y;
    double expected = 0;
    for (size_t i = 0; i < size; ++i) {
      x.push_back(ToHalf(random.Uniform(-1, 1)));
      y.push_back(random.Uniform(-1, 1));
      expected +=
          static_cast<double>(FromHalf(x[i])) * static_cast<double>(y[i]);
    }
    EXPECT_NEAR(DotHalf(x, y), expected, 1e-5);
    EXPECT_NEAR(PlainDotHalf(x, y), expected, 1e-5);
  }
}

}  // namespace
}  // namespace carousel
