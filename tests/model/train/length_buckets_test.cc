// SPDX-License-Identifier: Apache-2.0

#include "model/train/length_buckets.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"

namespace carousel {
namespace {

// The ladder: every length below 6, then a quarter more each time.
TEST(LengthBucketsTest, LengthsGrowByAQuarter) {
  std::vector<int> ladder;
  for (int length = 1; length <= 30; ++length) {
    const int rounded = RoundUpLength(length);
    EXPECT_GE(rounded, length);
    if (ladder.empty() || ladder.back() != rounded) ladder.push_back(rounded);
  }
  EXPECT_THAT(ladder,
              testing::ElementsAre(1, 2, 3, 4, 5, 7, 9, 12, 15, 19, 24, 30));
}

// No compute on padding beyond the longest row.
TEST(LengthBucketsTest, NoBucketIsLongerThanTheLongest) {
  EXPECT_THAT(ChooseBuckets({{20, 1}, {20, 1}}, 8),
              testing::ElementsAre(PairLength{20, 1}));
}

// Whatever the limit, every row has a bucket.
TEST(LengthBucketsTest, BucketsHoldEveryLengthWithinTheLimit) {
  Random random(3);
  std::vector<PairLength> lengths;
  for (int i = 0; i < 500; ++i) {
    const int source = 1 + static_cast<int>(random.Below(60));
    lengths.push_back(
        {source, source / 2 + static_cast<int>(random.Below(9)) + 1});
  }
  for (const int limit : {1, 2, 7, 1000}) {
    const auto buckets = ChooseBuckets(lengths, limit);
    EXPECT_LE(buckets.size(), static_cast<size_t>(limit));
    for (const PairLength& length : lengths) {
      ASSERT_LT(FindBucket(buckets, length), buckets.size());
    }
  }
}

// A bucket for the one odd row is worth less than one for many.
TEST(LengthBucketsTest, TheCheapestPairIsMerged) {
  std::vector<PairLength> lengths(100, {5, 5});
  lengths.insert(lengths.end(), 100, {30, 30});
  lengths.push_back({4, 5});
  EXPECT_THAT(ChooseBuckets(lengths, 2),
              testing::ElementsAre(PairLength{5, 5}, PairLength{30, 30}));
}

// What no bucket holds is said to have none.
TEST(LengthBucketsTest, ALongerRowFindsNone) {
  EXPECT_EQ(FindBucket({{5, 5}, {9, 9}}, {6, 10}), 2u);
  EXPECT_EQ(FindBucket({{5, 5}, {9, 9}}, {6, 2}), 1u);
}

}  // namespace
}  // namespace carousel
