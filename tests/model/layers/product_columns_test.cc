// SPDX-License-Identifier: Apache-2.0

#include "model/layers/product_columns.h"

#include <omp.h>

#include <mutex>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using ::testing::Each;

constexpr int64_t kManyBytes = 100 << 20;

class ProductColumnsTest : public ::testing::Test {
 protected:
  ~ProductColumnsTest() override { omp_set_num_threads(threads_); }

  // How often each of `count` columns is in a part.
  std::vector<int> Uses(int64_t count, int64_t bytes) {
    std::vector<int> uses(static_cast<size_t>(count));
    std::vector<float> bias(uses.size()), out(uses.size());
    std::mutex mutex;
    ForEachPart(
        {.first = 1000, .count = count, .bias = bias.data(), .out = out.data()},
        bytes, [&](const ProductColumns& part) {
          const std::lock_guard lock(mutex);
          ++parts_;
          const int64_t begin = part.first - 1000;
          EXPECT_EQ(begin % 64, 0);
          EXPECT_EQ(part.bias, bias.data() + begin);
          EXPECT_EQ(part.out, out.data() + begin);
          for (int64_t i = begin; i < begin + part.count; ++i) {
            ++uses[static_cast<size_t>(i)];
          }
        });
    return uses;
  }

  const int threads_ = omp_get_max_threads();
  int parts_ = 0;
};

TEST_F(ProductColumnsTest, EveryColumnIsInOnePart) {
  for (int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    for (int64_t count : {1, 63, 64, 65, 200, 1000}) {
      EXPECT_THAT(Uses(count, kManyBytes), Each(1)) << count;
    }
  }
}

TEST_F(ProductColumnsTest, EachThreadHasAPart) {
  omp_set_num_threads(3);
  Uses(1000, kManyBytes);
  EXPECT_EQ(parts_, 3);
}

TEST_F(ProductColumnsTest, FewWeightsStayTogether) {
  omp_set_num_threads(3);
  Uses(1000, 1000);
  EXPECT_EQ(parts_, 1);
}

}  // namespace
}  // namespace carousel
