// SPDX-License-Identifier: Apache-2.0

#include "client/load/latency_histogram.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

TEST(LatencyHistogramTest, QuantilesAreWithinOnePercent) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100000; ++i) histogram.Add(absl::Microseconds(i));
  EXPECT_EQ(histogram.count(), 100000);
  for (double quantile : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    EXPECT_NEAR(absl::ToDoubleMicroseconds(histogram.Quantile(quantile)),
                100000 * quantile, 1000 * quantile);
  }
}

// One slow call in a thousand is not lost among the fast ones.
TEST(LatencyHistogramTest, OneSlowCallIsSeenAtItsQuantile) {
  LatencyHistogram histogram;
  for (int i = 0; i < 999; ++i) histogram.Add(absl::Microseconds(50));
  histogram.Add(absl::Seconds(2));
  EXPECT_EQ(histogram.Quantile(0.999), absl::Microseconds(50));
  EXPECT_NEAR(absl::ToDoubleSeconds(histogram.Quantile(1)), 2, 0.02);
}

TEST(LatencyHistogramTest, AnyDurationHasItsPlace) {
  LatencyHistogram histogram;
  histogram.Add(-absl::Seconds(1));
  histogram.Add(absl::ZeroDuration());
  histogram.Add(absl::Hours(1000));
  histogram.Add(absl::InfiniteDuration());
  EXPECT_EQ(histogram.count(), 4);
  EXPECT_EQ(histogram.Quantile(0.5), absl::Microseconds(1));
  EXPECT_GT(histogram.Quantile(1), absl::Hours(1));
}

TEST(LatencyHistogramTest, SumHoldsWhatBothHold) {
  LatencyHistogram a, b;
  for (int i = 0; i < 10; ++i) a.Add(absl::Microseconds(10));
  for (int i = 0; i < 30; ++i) b.Add(absl::Microseconds(90));
  a += b;
  EXPECT_EQ(a.count(), 40);
  EXPECT_EQ(a.Quantile(0.25), absl::Microseconds(10));
  EXPECT_EQ(a.Quantile(0.26), absl::Microseconds(90));
}

TEST(LatencyHistogramTest, EmptyOneHasNoLatency) {
  EXPECT_EQ(LatencyHistogram().Quantile(0.5), absl::ZeroDuration());
}

}  // namespace
}  // namespace carousel
