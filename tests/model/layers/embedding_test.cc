// SPDX-License-Identifier: Apache-2.0

#include "model/layers/embedding.h"

#include <omp.h>

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;

TEST(EmbeddingTest, RowsAreAddedToThoseOfTheirIds) {
  std::vector<float> table = {1, 2, 3, 4, 5, 6};  // (3, 2)
  AddRows({2, 0, 2}, 2, std::vector<float>{10, 20, 30, 40, 50, 60}.data(),
          table.data());
  EXPECT_THAT(table, ElementsAre(31, 42, 3, 4, 65, 86));
}

// A width that no number of threads divides, and ids that repeat.
TEST(EmbeddingTest, AnyNumberOfThreadsGivesTheSameBits) {
  constexpr int64_t kWidth = 300;
  Random random(1);
  std::vector<int32_t> ids;
  std::vector<float> rows(50 * kWidth);
  for (int i = 0; i < 50; ++i) {
    ids.push_back(static_cast<int32_t>(random.Below(4)));
  }
  for (float& value : rows) value = random.Uniform(-1, 1);
  const auto sums = [&](int threads) {
    omp_set_num_threads(threads);
    std::vector<float> table(4 * kWidth);
    AddRows(ids, kWidth, rows.data(), table.data());
    return table;
  };
  const std::vector<float> one = sums(1);
  EXPECT_EQ(sums(2), one);
  EXPECT_EQ(sums(3), one);
}

}  // namespace
}  // namespace carousel
