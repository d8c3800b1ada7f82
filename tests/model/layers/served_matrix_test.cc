// SPDX-License-Identifier: Apache-2.0

#include "model/layers/served_matrix.h"

#include <vector>

#include "gtest/gtest.h"
#include "model/base/buckets.h"
#include "model/base/random.h"

namespace carousel {
namespace {

std::vector<float> RandomFloats(int64_t count, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = random.Uniform(-1, 1);
  return values;
}

// Any number of rows, in pieces, is added to what was there.
TEST(ServedMatrixTest, ManyRowsGiveTheProductsOfTheDefinition) {
  constexpr int64_t kRows = 107, kIn = 9, kOut = 5;
  const auto weight = RandomFloats(kOut * kIn, 1),
             x = RandomFloats(kRows * kIn, 2);
  const auto matrix =
      ServedMatrix::Create(Tensor::FromFloats({kOut, kIn}, weight),
                           Precision::kF32)
          .value();
  std::vector<float> out(static_cast<size_t>(kRows * kOut), 0.5f);
  ServedRows rows;
  ServedScratch scratch;
  ASSERT_TRUE(
      MultiplyAddRows(*matrix, x.data(), kRows, out.data(), &rows, &scratch)
          .ok());
  for (int64_t i = 0; i < kRows; ++i) {
    for (int64_t j = 0; j < kOut; ++j) {
      double sum = 0.5;
      for (int64_t k = 0; k < kIn; ++k) {
        sum += static_cast<double>(x[static_cast<size_t>(i * kIn + k)]) *
               static_cast<double>(weight[static_cast<size_t>(j * kIn + k)]);
      }
      ASSERT_NEAR(out[static_cast<size_t>(i * kOut + j)], sum, 1e-5);
    }
  }
}

// A row of zeros has no largest magnitude to divide by.
TEST(ServedMatrixTest, RowOfZerosGivesZeros) {
  if (!SupportsInt8()) GTEST_SKIP() << "this CPU has no VNNI";
  const auto matrix =
      ServedMatrix::Create(Tensor::FromFloats({2, 3}, {1, 2, 3, 0, 0, 0}),
                           Precision::kInt8)
          .value();
  const std::vector<float> x = {0, 0, 0, 1, 1, 1};
  ServedRows rows;
  rows.Set(Precision::kInt8, x.data(), 2, 3);
  ServedScratch scratch;
  std::vector<float> out(4, 0.5f);
  ASSERT_TRUE(matrix->MultiplyAdd(rows, out.data(), &scratch).ok());
  EXPECT_EQ(out[0], 0.5f);
  EXPECT_EQ(out[1], 0.5f);
  EXPECT_NEAR(out[2], 6.5f, 0.05f);
  EXPECT_EQ(out[3], 0.5f);
}

// What a batch is filled up to is one product, not two.
TEST(BucketsTest, WhatIsFilledUpIsNotCutAgain) {
  for (int n = 1; n <= 64; ++n) {
    const int filled = SmallestBucket(n);
    EXPECT_GE(filled, n);
    EXPECT_LE(2 * filled, 3 * n);
    EXPECT_EQ(LargestRowBucket(filled, 64), filled);
    EXPECT_LE(LargestRowBucket(n, 64), n);
    EXPECT_GT(3 * LargestRowBucket(n, 64), 2 * (n - 1));
  }
  EXPECT_EQ(LargestRowBucket(1000, 64), 64);
}

}  // namespace
}  // namespace carousel
