// SPDX-License-Identifier: Apache-2.0

#include "model/train/forecaster_data.h"

#include <algorithm>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using testing::ElementsAre;

TEST(MeasureScalesTest, ScalesAreOfTheTrainingRows) {
  const SeriesFile file = {
      .columns = {"a", "b"}, .rows = 3, .values = {1, 5, 3, 5, 100, 9}};
  EXPECT_THAT(MeasureScales(file, 2),
              ElementsAre(SeriesScale{"a", 2, 1}, SeriesScale{"b", 5, 1}));
}

TEST(WindowStreamTest, EveryEpochHasEveryWindowOnce) {
  WindowStream stream(10, 4, 3);
  EXPECT_EQ(stream.batches_per_epoch(), 3);
  std::vector<int64_t> seen;
  for (int batch = 0; batch < 5; ++batch) {
    for (int64_t window : stream.Next()) seen.push_back(window);
  }
  ASSERT_EQ(seen.size(), 20u);
  const std::vector<int64_t> first(seen.begin(), seen.begin() + 10);
  const std::vector<int64_t> second(seen.begin() + 10, seen.end());
  EXPECT_EQ(std::set<int64_t>(first.begin(), first.end()).size(), 10u);
  EXPECT_EQ(std::set<int64_t>(second.begin(), second.end()).size(), 10u);
  EXPECT_NE(first, second);
}

// A batch may be larger than an epoch.
TEST(WindowStreamTest, BatchOfSeveralEpochsIsEvenlyFilled) {
  WindowStream stream(3, 9, 1);
  std::vector<int64_t> batch = stream.Next();
  std::sort(batch.begin(), batch.end());
  EXPECT_THAT(batch, ElementsAre(0, 0, 0, 1, 1, 1, 2, 2, 2));
}

// A run that goes on reads on where it stopped.
TEST(WindowStreamTest, SeeksToAnyBatch) {
  WindowStream stream(100, 7, 5);
  for (int batch = 0; batch < 40; ++batch) stream.Next();
  WindowStream other(100, 7, 5);
  other.Seek(40);
  EXPECT_EQ(other.batch(), 40);
  EXPECT_EQ(other.Next(), stream.Next());
}

}  // namespace
}  // namespace carousel
