// SPDX-License-Identifier: Apache-2.0

#include "model/base/round_trip.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "gtest/gtest.h"
#include "model/base/random.h"

namespace carousel {
namespace {

TEST(RoundTripTest, HasTheFewestDigits) {
  EXPECT_EQ(RoundTrip(0.1f), 0.1);
  EXPECT_EQ(RoundTrip(0.12345679f), 0.12345679);
  EXPECT_EQ(RoundTrip(-16777216.0f), -16777216);
  EXPECT_EQ(RoundTrip(1e-45f), 1e-45);
  EXPECT_EQ(RoundTrip(3.4028235e38f), 3.4028235e38);
}

// Whatever its digits, it is the same float.
TEST(RoundTripTest, ComesBackAsTheSameFloat) {
  Random random(1);
  for (int i = 0; i < 100000; ++i) {
    const auto value =
        std::bit_cast<float>(static_cast<uint32_t>(random.Bits()));
    if (!std::isfinite(value)) continue;
    EXPECT_EQ(static_cast<float>(RoundTrip(value)), value);
  }
}

TEST(RoundTripTest, WhatIsNotFiniteStaysAsItIs) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(RoundTrip(kInfinity), kInfinity);
  EXPECT_EQ(RoundTrip(-kInfinity), -kInfinity);
  EXPECT_TRUE(std::isnan(RoundTrip(NAN)));
  EXPECT_TRUE(std::signbit(RoundTrip(-0.0f)));
}

}  // namespace
}  // namespace carousel
