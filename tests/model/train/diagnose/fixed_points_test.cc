// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/fixed_points.h"

#include <algorithm>
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::SizeIs;

constexpr double kExact = 1e-12;

// x = x^2 + 0.15 has the roots (1 -+ sqrt(0.4)) / 2 and the slope 2 x there.
TEST(FixedPointsTest, SquareMapHasASinkAndASource) {
  const std::vector<Cycle> found = FindCycles(SquareMap(), 1);
  ASSERT_THAT(found, SizeIs(2));
  const double low = (1 - std::sqrt(0.4)) / 2;
  const double high = (1 + std::sqrt(0.4)) / 2;
  EXPECT_THAT(found[0].points, ElementsAre(DoubleNear(low, kExact)));
  EXPECT_NEAR(found[0].derivative, 2 * low, kExact);
  EXPECT_EQ(found[0].stability, Stability::kSink);
  EXPECT_THAT(found[1].points, ElementsAre(DoubleNear(high, kExact)));
  EXPECT_NEAR(found[1].derivative, 2 * high, kExact);
  EXPECT_EQ(found[1].stability, Stability::kSource);
}

// 0 and 1 - 1/3.5 with slopes 3.5 and 2 - 3.5, both sources.
TEST(FixedPointsTest, LogisticMapHasTwoSources) {
  const std::vector<Cycle> found = FindCycles(LogisticMap(), 1);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_THAT(found[0].points, ElementsAre(DoubleNear(0, kExact)));
  EXPECT_NEAR(found[0].derivative, 3.5, kExact);
  EXPECT_THAT(found[1].points, ElementsAre(DoubleNear(5.0 / 7, kExact)));
  EXPECT_NEAR(found[1].derivative, -1.5, 1e-9);
  EXPECT_EQ(found[1].stability, Stability::kSource);
}

// The cycle of two is {3/7, 6/7}, slope 4 + 2 r - r^2 = -1.25: left already.
TEST(FixedPointsTest, LogisticCycleOfTwoIsASource) {
  const std::vector<Cycle> found = FindCycles(LogisticMap(), 2);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].points, ElementsAre(DoubleNear(3.0 / 7, kExact),
                                           DoubleNear(6.0 / 7, kExact)));
  EXPECT_NEAR(found[0].derivative, -1.25, 1e-9);
  EXPECT_EQ(found[0].stability, Stability::kSource);
}

// At r = 3.5 the only sink is a cycle of four, where every start ends.
TEST(FixedPointsTest, LogisticCycleOfFourAttracts) {
  const std::vector<Cycle> found = FindCycles(LogisticMap(), 4);
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].points, SizeIs(4));
  EXPECT_EQ(found[0].stability, Stability::kSink);
  EXPECT_LT(std::abs(found[0].derivative), 1);
  const double end = Iterate(LogisticMap(), 0.123, 4000).back();
  const bool arrived =
      std::any_of(found[0].points.begin(), found[0].points.end(),
                  [end](double x) { return std::abs(x - end) < 1e-9; });
  EXPECT_TRUE(arrived) << end;
}

// One unit remembers a bit if its weight is above 1, and nothing below.
TEST(FixedPointsTest, UnitForksAtWeightOne) {
  const std::vector<Cycle> weak = FindCycles(UnitMap(0.5, 0), 1);
  ASSERT_THAT(weak, SizeIs(1));
  EXPECT_EQ(weak[0].stability, Stability::kSink);
  EXPECT_NEAR(weak[0].derivative, 0.5, kExact);

  const std::vector<Cycle> strong = FindCycles(UnitMap(2, 0), 1);
  ASSERT_THAT(strong, SizeIs(3));
  EXPECT_EQ(strong[0].stability, Stability::kSink);
  EXPECT_EQ(strong[1].stability, Stability::kSource);
  EXPECT_EQ(strong[2].stability, Stability::kSink);
  EXPECT_NEAR(strong[1].points[0], 0, kExact);
  EXPECT_NEAR(strong[2].points[0], std::tanh(2 * strong[2].points[0]), kExact);
}

// Between sink and source there is neither.
TEST(FixedPointsTest, SlopeOneIsNeutral) {
  IteratedMap map = SquareMap();
  map.f = [](double x) { return x * x + 0.25; };
  const std::vector<Cycle> found = FindCycles(map, 1);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].stability, Stability::kNeutral);
}

// A start beyond the source leaves for infinity; the walk ends there.
TEST(FixedPointsTest, IterationStopsAtInfinity) {
  const std::vector<double> walk = Iterate(SquareMap(), 1.5, 1000);
  EXPECT_LT(walk.size(), 100u);
  EXPECT_TRUE(std::isinf(walk.back()));
  EXPECT_THAT(Iterate(SquareMap(), 0.5, 2),
              ElementsAre(0.5, 0.4, DoubleNear(0.31, kExact)));
}

}  // namespace
}  // namespace carousel
