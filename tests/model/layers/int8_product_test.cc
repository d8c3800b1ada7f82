// SPDX-License-Identifier: Apache-2.0

#include "model/layers/int8_product.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/tensor/aligned_vector.h"

namespace carousel {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;

// A product (rows, k) x (columns, k) of random numbers.
class Factors {
 public:
  Factors(int64_t rows, int64_t columns, int64_t k)
      : rows_(rows),
        columns_(columns),
        depth_((k + kInt8Depth - 1) / kInt8Depth * kInt8Depth),
        x_(static_cast<size_t>(rows * depth_)),
        weights_(static_cast<size_t>((columns + kInt8Rows - 1) / kInt8Rows *
                                     kInt8Rows * depth_)) {
    Random random(static_cast<uint64_t>(rows * 7919 + columns * 31 + k));
    // What is behind k is of no account: weights of zero meet it.
    for (uint8_t& q : x_) q = static_cast<uint8_t>(1 + random.Below(255));
    for (int64_t column = 0; column < columns; ++column) {
      for (int64_t p = 0; p < k; ++p) {
        weights_[static_cast<size_t>(Int8Place(column, p, depth_))] =
            static_cast<int8_t>(static_cast<int>(random.Below(255)) - 127);
      }
      scales_.push_back(random.Uniform(0.001f, 0.1f));
      offsets_.push_back(static_cast<int32_t>(random.Below(100000)) - 50000);
      bias_.push_back(random.Uniform(-1, 1));
    }
    for (int64_t row = 0; row < rows; ++row) {
      x_scales_.push_back(random.Uniform(0.001f, 0.1f));
    }
  }

  // Of the rows [first, first + rows), what was there before being 0.5.
  std::vector<float> Multiply(const Int8Kernel& kernel, bool bias,
                              int64_t first, int64_t rows,
                              bool backwards = false) const {
    std::vector<float> out(static_cast<size_t>(rows * stride()), 0.5f);
    kernel.multiply({.rows = rows,
                     .columns = columns_,
                     .depth = depth_,
                     .x = x_.data() + first * depth_,
                     .x_scales = x_scales_.data() + first,
                     .weights = weights_.data(),
                     .scales = scales_.data(),
                     .offsets = offsets_.data(),
                     .bias = bias ? bias_.data() : nullptr,
                     .out = out.data(),
                     .out_stride = stride(),
                     .backwards = backwards});
    return out;
  }
  std::vector<float> Multiply(const Int8Kernel& kernel, bool bias) const {
    return Multiply(kernel, bias, 0, rows_);
  }

  double Expected(bool bias, int64_t row, int64_t column) const {
    int64_t sum = -offsets_[static_cast<size_t>(column)];
    for (int64_t p = 0; p < depth_; ++p) {
      sum += int64_t{x_[static_cast<size_t>(row * depth_ + p)]} *
             weights_[static_cast<size_t>(Int8Place(column, p, depth_))];
    }
    const double base =
        bias ? static_cast<double>(bias_[static_cast<size_t>(column)]) : 0.5;
    return base +
           static_cast<double>(x_scales_[static_cast<size_t>(row)]) *
               static_cast<double>(scales_[static_cast<size_t>(column)]) *
               static_cast<double>(sum);
  }

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  int64_t stride() const { return columns_ + 3; }

 private:
  int64_t rows_, columns_, depth_;
  AlignedVector<uint8_t> x_;
  AlignedVector<int8_t> weights_;
  std::vector<float> x_scales_, scales_, bias_;
  std::vector<int32_t> offsets_;
};

// Each of the kernels that there are, by its place among those of this CPU.
class Int8ProductTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    kernel_ = Int8KernelVersion(GetParam());
    if (kernel_ == nullptr) GTEST_SKIP() << "this CPU has no such version";
  }

  const Int8Kernel* kernel_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Versions, Int8ProductTest, ::testing::Values(0, 1));

// All numbers of rows that a kernel treats in another way, blocks that are not
// full, and widths that are filled up; nothing is written beside the product.
TEST_P(Int8ProductTest, AnySizeGivesTheSumsOfTheDefinition) {
  for (int64_t rows : {1, 2, 3, 4, 5, 6, 7, 16, 17, 33, 48, 64, 65, 100}) {
    for (int64_t columns : {1, 15, 16, 17, 63, 64, 100}) {
      for (int64_t k : {1, 64, 200}) {
        const Factors factors(rows, columns, k);
        for (bool bias : {false, true}) {
          const std::vector<float> out = factors.Multiply(*kernel_, bias);
          for (int64_t i = 0; i < rows; ++i) {
            for (int64_t j = 0; j < factors.stride(); ++j) {
              const float found =
                  out[static_cast<size_t>(i * factors.stride() + j)];
              const double expected =
                  j < columns ? factors.Expected(bias, i, j) : 0.5;
              ASSERT_NEAR(found, expected, 2e-6 * (1 + std::abs(expected)))
                  << rows << " x " << columns << ", k " << k << " at " << i
                  << ", " << j;
            }
          }
        }
      }
    }
  }
}

TEST_P(Int8ProductTest, RowHasTheSameBitsAloneAndInAnyBatch) {
  const Factors factors(70, 100, 512);
  const std::vector<float> all = factors.Multiply(*kernel_, true);
  for (int64_t row = 0; row < factors.rows(); ++row) {
    const std::vector<float> alone = factors.Multiply(*kernel_, true, row, 1);
    const auto its = all.begin() + row * factors.stride();
    ASSERT_TRUE(std::equal(alone.begin(), alone.end(), its)) << row;
  }
}

TEST_P(Int8ProductTest, OrderOfColumnsIsOfNoAccount) {
  for (int64_t rows : {1, 20, 70}) {
    for (int64_t columns : {10, 48, 64, 150}) {
      const Factors factors(rows, columns, 300);
      EXPECT_THAT(
          factors.Multiply(*kernel_, true, 0, rows, true),
          ElementsAreArray(factors.Multiply(*kernel_, true, 0, rows, false)));
    }
  }
}

TEST_P(Int8ProductTest, EveryVersionGivesTheSameBits) {
  const Factors factors(37, 100, 300);
  EXPECT_THAT(factors.Multiply(*kernel_, false),
              ElementsAreArray(factors.Multiply(*Int8KernelVersion(0), false)));
}

// Pairs of products do not fit into 16 bits, in which older instructions sum.
TEST_P(Int8ProductTest, LargestNumbersDoNotSaturate) {
  constexpr int64_t kWidth = 2048;
  const AlignedVector<uint8_t> x(kWidth, 255);
  const AlignedVector<int8_t> weights(kWidth * kInt8Rows, -127);
  const std::vector<float> ones(kInt8Rows, 1.0f), zeros(kInt8Rows);
  const std::vector<int32_t> offsets(kInt8Rows, 0);
  std::vector<float> out(kInt8Rows);
  kernel_->multiply({.rows = 1,
                     .columns = kInt8Rows,
                     .depth = kWidth,
                     .x = x.data(),
                     .x_scales = ones.data(),
                     .weights = weights.data(),
                     .scales = ones.data(),
                     .offsets = offsets.data(),
                     .bias = zeros.data(),
                     .out = out.data(),
                     .out_stride = kInt8Rows});
  EXPECT_THAT(out, Each(-127.0f * 255.0f * kWidth));
}

TEST(Int8KernelVersionTest, TheLastIsFollowedByNone) {
  int count = 0;
  while (Int8KernelVersion(count) != nullptr) ++count;
  EXPECT_LE(count, 2);
  EXPECT_EQ(Int8KernelVersion(count + 1), nullptr);
}

}  // namespace
}  // namespace carousel
