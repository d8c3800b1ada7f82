// SPDX-License-Identifier: Apache-2.0

#include "model/layers/served_matrix.h"

#include <omp.h>

#include <algorithm>
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

// Rows a multiple of 4 KB apart are spread.
TEST(ServedMatrixTest, RowHasTheSameBitsAloneAndInAnyBatch) {
  if (F32KernelVersion(0) == nullptr) GTEST_SKIP() << "rows go to oneDNN";
  constexpr int64_t kIn = 1024, kOut = 40, kRows = 5;
  const auto weight = RandomFloats(kOut * kIn, 1),
             x = RandomFloats(kRows * kIn, 2);
  const auto matrix =
      ServedMatrix::Create(Tensor::FromFloats({kOut, kIn}, weight),
                           Precision::kF32)
          .value();
  ServedRows rows;
  ServedScratch scratch;
  std::vector<float> all(kRows * kOut);
  rows.Set(Precision::kF32, x.data(), kRows, kIn);
  ASSERT_TRUE(matrix->MultiplyAdd(rows, all.data(), &scratch).ok());
  for (int64_t row = 0; row < kRows; ++row) {
    std::vector<float> alone(kOut);
    rows.Set(Precision::kF32, x.data() + row * kIn, 1, kIn);
    ASSERT_TRUE(matrix->MultiplyAdd(rows, alone.data(), &scratch).ok());
    EXPECT_TRUE(
        std::equal(alone.begin(), alone.end(), all.begin() + row * kOut));
  }
}

TEST(ServedMatrixTest, TilesGiveTheBitsOfTheWholeOnAnyNumberOfThreads) {
  constexpr int64_t kIn = 512, kTile = 512, kTiles = 3, kRows = 2;
  const auto x = RandomFloats(kRows * kIn, 1);
  const auto bias = RandomFloats(kTiles * kTile, 2);
  const int threads = omp_get_max_threads();
  for (Precision precision : {Precision::kF32, Precision::kInt8}) {
    if (precision == Precision::kInt8 && !SupportsInt8()) continue;
    const auto matrix =
        ServedMatrix::CreateTiles(
            {.n = kTile, .k = kIn, .tiles = kTiles}, precision,
            [&](int64_t tile, absl::Span<float> values) {
              const auto random =
                  RandomFloats(kTile * kIn, static_cast<uint64_t>(9 + tile));
              std::copy(random.begin(), random.end(), values.begin());
            })
            .value();
    if (matrix->wants_few_shapes()) continue;
    ServedRows rows;
    rows.Set(precision, x.data(), kRows, kIn);
    ServedScratch scratch;
    const auto multiply = [&](TileRun run) {
      std::vector<float> out(static_cast<size_t>(kRows * run.count * kTile));
      EXPECT_TRUE(matrix
                      ->Multiply(rows, run, bias.data() + run.first * kTile,
                                 out.data(), &scratch)
                      .ok());
      return out;
    };
    omp_set_num_threads(2);
    const auto whole = multiply({.first = 0, .count = kTiles});
    omp_set_num_threads(1);
    EXPECT_EQ(multiply({.first = 0, .count = kTiles}), whole);
    for (int64_t tile = 0; tile < kTiles; ++tile) {
      const auto part = multiply({.first = tile});
      for (int64_t row = 0; row < kRows; ++row) {
        EXPECT_TRUE(std::equal(part.begin() + row * kTile,
                               part.begin() + (row + 1) * kTile,
                               whole.begin() + (row * kTiles + tile) * kTile));
      }
    }
  }
  omp_set_num_threads(threads);
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
