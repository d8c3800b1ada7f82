// SPDX-License-Identifier: Apache-2.0

#include "model/layers/f32_product.h"

#include <algorithm>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/tensor/aligned_vector.h"

namespace carousel {
namespace {

using ::testing::ElementsAreArray;

// A product (rows, k) x (columns, k) of random numbers, with gaps behind the
// rows of x and of the result.
class Factors {
 public:
  Factors(int64_t rows, int64_t columns, int64_t k)
      : rows_(rows),
        columns_(columns),
        depth_(k),
        weights_(static_cast<size_t>((columns + kF32Rows - 1) / kF32Rows *
                                     kF32Rows * k)) {
    Random random(static_cast<uint64_t>(rows * 7919 + columns * 31 + k));
    for (int64_t i = 0; i < rows * x_stride(); ++i) {
      x_.push_back(random.Uniform(-1, 1));
    }
    for (int64_t column = 0; column < columns; ++column) {
      for (int64_t p = 0; p < k; ++p) {
        weights_[static_cast<size_t>(F32Place(column, p, k))] =
            random.Uniform(-1, 1);
      }
      bias_.push_back(random.Uniform(-1, 1));
    }
  }

  // Of the rows [first, first + rows), what was there before being 0.5.
  std::vector<float> Multiply(const F32Kernel& kernel, bool bias, int64_t first,
                              int64_t rows, bool backwards = false) const {
    std::vector<float> out(static_cast<size_t>(rows * stride()), 0.5f);
    kernel.multiply({.rows = rows,
                     .columns = columns_,
                     .depth = depth_,
                     .x = x_.data() + first * x_stride(),
                     .x_stride = x_stride(),
                     .weights = weights_.data(),
                     .bias = bias ? bias_.data() : nullptr,
                     .out = out.data(),
                     .out_stride = stride(),
                     .backwards = backwards});
    return out;
  }
  std::vector<float> Multiply(const F32Kernel& kernel, bool bias) const {
    return Multiply(kernel, bias, 0, rows_);
  }

  double Expected(bool bias, int64_t row, int64_t column) const {
    double sum = bias ? bias_[static_cast<size_t>(column)] : 0.5f;
    for (int64_t p = 0; p < depth_; ++p) {
      sum +=
          static_cast<double>(x_[static_cast<size_t>(row * x_stride() + p)]) *
          static_cast<double>(
              weights_[static_cast<size_t>(F32Place(column, p, depth_))]);
    }
    return sum;
  }

  int64_t rows() const { return rows_; }
  int64_t stride() const { return columns_ + 3; }

 private:
  int64_t x_stride() const { return depth_ + 1; }

  int64_t rows_, columns_, depth_;
  AlignedVector<float> weights_;
  std::vector<float> x_, bias_;
};

// Each of the kernels that there are, by its place among those of this CPU.
class F32ProductTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    kernel_ = F32KernelVersion(GetParam());
    if (kernel_ == nullptr) GTEST_SKIP() << "this CPU has no such version";
  }

  const F32Kernel* kernel_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Versions, F32ProductTest, ::testing::Values(0, 1));

// All numbers of rows that a kernel treats in another way, panels that are not
// full, and more depth than stays in the cache; nothing is written beside the
// product.
TEST_P(F32ProductTest, AnySizeGivesTheSumsOfTheDefinition) {
  for (int64_t rows : {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 30, 64}) {
    for (int64_t columns : {1, 8, 15, 16, 17, 31, 32, 33, 64, 65, 95, 100}) {
      for (int64_t k : {1, 200, 300}) {
        const Factors factors(rows, columns, k);
        for (bool bias : {false, true}) {
          const std::vector<float> out = factors.Multiply(*kernel_, bias);
          for (int64_t i = 0; i < rows; ++i) {
            for (int64_t j = 0; j < factors.stride(); ++j) {
              const float found =
                  out[static_cast<size_t>(i * factors.stride() + j)];
              const double expected =
                  j < columns ? factors.Expected(bias, i, j) : 0.5;
              ASSERT_NEAR(found, expected, 2e-5)
                  << rows << " x " << columns << ", k " << k << " at " << i
                  << ", " << j;
            }
          }
        }
      }
    }
  }
}

TEST_P(F32ProductTest, RowHasTheSameBitsAloneAndInAnyBatch) {
  const Factors factors(70, 100, 600);
  for (bool bias : {false, true}) {
    const std::vector<float> all = factors.Multiply(*kernel_, bias);
    for (int64_t rows : {1, 3, 5, 7, 12}) {
      for (int64_t row = 0; row + rows <= factors.rows(); ++row) {
        const std::vector<float> few =
            factors.Multiply(*kernel_, bias, row, rows);
        ASSERT_TRUE(std::equal(few.begin(), few.end(),
                               all.begin() + row * factors.stride()))
            << row << ", " << rows;
      }
    }
  }
}

TEST_P(F32ProductTest, OrderOfColumnsIsOfNoAccount) {
  for (int64_t rows : {1, 4, 20}) {
    for (int64_t columns : {20, 48, 64, 150}) {
      const Factors factors(rows, columns, 300);
      EXPECT_THAT(
          factors.Multiply(*kernel_, true, 0, rows, true),
          ElementsAreArray(factors.Multiply(*kernel_, true, 0, rows, false)));
    }
  }
}

TEST_P(F32ProductTest, EveryVersionGivesTheSameBits) {
  const Factors factors(37, 100, 600);
  EXPECT_THAT(factors.Multiply(*kernel_, false),
              ElementsAreArray(factors.Multiply(*F32KernelVersion(0), false)));
}

TEST(F32KernelVersionTest, TheLastIsFollowedByNone) {
  int count = 0;
  while (F32KernelVersion(count) != nullptr) ++count;
  EXPECT_LE(count, 2);
  EXPECT_EQ(F32KernelVersion(count + 1), nullptr);
}

}  // namespace
}  // namespace carousel
