// SPDX-License-Identifier: Apache-2.0

#include "model/onednn/matmul.h"

#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"

namespace carousel {
namespace {

using Floats = std::vector<float>;

Floats RandomFloats(int64_t n, uint64_t seed) {
  Random random(seed);
  Floats values(static_cast<size_t>(n));
  for (float& value : values) value = random.Uniform(-1, 1);
  return values;
}

float At(const MatrixView& m, int64_t row, int64_t column) {
  return m.transposed ? m.data[column * m.row_stride + row]
                      : m.data[row * m.row_stride + column];
}

void ExpectProduct(const MatmulArgs& args, const Floats& before) {
  for (int64_t i = 0; i < args.m; ++i) {
    for (int64_t j = 0; j < args.n; ++j) {
      const int64_t at = i * args.c_row_stride + j;
      double sum = args.accumulate ? before[static_cast<size_t>(at)] : 0.0;
      for (int64_t k = 0; k < args.k; ++k) {
        sum += static_cast<double>(At(args.a, i, k)) *
               static_cast<double>(At(args.b, k, j));
      }
      EXPECT_NEAR(args.c[at], sum, 1e-5);
    }
  }
}

class MatmulShapeTest
    : public ::testing::TestWithParam<std::array<int64_t, 3>> {};

// All four layouts, written over and added to, in matrices wider than the
// product.
TEST_P(MatmulShapeTest, ProductIsThatOfTheDefinition) {
  const auto [m, n, k] = GetParam();
  Executor executor;
  for (int layout = 0; layout < 8; ++layout) {
    const bool ta = (layout & 1) != 0, tb = (layout & 2) != 0;
    const int64_t a_stride = (ta ? m : k) + 3, b_stride = (tb ? k : n) + 1;
    const Floats a = RandomFloats((ta ? k : m) * a_stride, 1);
    const Floats b = RandomFloats((tb ? n : k) * b_stride, 2);
    const Floats before = RandomFloats(m * (n + 2), 3);
    Floats c = before;
    const MatmulArgs args = {
        .m = m,
        .n = n,
        .k = k,
        .a = {.data = a.data(), .row_stride = a_stride, .transposed = ta},
        .b = {.data = b.data(), .row_stride = b_stride, .transposed = tb},
        .c = c.data(),
        .c_row_stride = n + 2,
        .accumulate = (layout & 4) != 0};
    ASSERT_TRUE(Matmul(args, &executor).ok());
    ExpectProduct(args, before);
    for (int64_t i = 0; i < m; ++i) {  // nothing beside the product is touched
      const auto edge = static_cast<size_t>(i * (n + 2) + n);
      EXPECT_EQ(c[edge], before[edge]);
      EXPECT_EQ(c[edge + 1], before[edge + 1]);
    }
  }
}

TEST_P(MatmulShapeTest, PackedProductIsThatOfTheDefinition) {
  const auto [m, n, k] = GetParam();
  Executor executor;
  const Floats a = RandomFloats(m * k, 4), b = RandomFloats(n * k, 5);
  const MatrixView view = {
      .data = b.data(), .row_stride = k, .transposed = true};
  const auto packed = PackedMatrix::Create(k, n).value();
  ASSERT_TRUE(packed->Pack(view, &executor).ok());
  const Floats before = RandomFloats(m * n, 6);
  for (bool accumulate : {false, true}) {
    Floats c = before;
    ASSERT_TRUE(
        packed->Multiply(m, a.data(), k, c.data(), n, accumulate, &executor)
            .ok());
    ExpectProduct({.m = m,
                   .n = n,
                   .k = k,
                   .a = {.data = a.data(), .row_stride = k},
                   .b = view,
                   .c = c.data(),
                   .c_row_stride = n,
                   .accumulate = accumulate},
                  before);
  }
}

// Sums of 8-bit products are integers, so they are exact whatever the shape;
// the extremes would show a saturating kernel.
TEST_P(MatmulShapeTest, ProductOfIntegersIsExact) {
  if (!SupportsInt8()) GTEST_SKIP() << "this CPU has no VNNI";
  const auto [m, n, k] = GetParam();
  Random random(7);
  std::vector<uint8_t> a(static_cast<size_t>(m * k));
  std::vector<int8_t> b(static_cast<size_t>(n * k));
  const auto extreme = [&](int low, int high) {
    const uint64_t one = random.Below(4);
    if (one == 0) return low;
    if (one == 1) return high;
    return low +
           static_cast<int>(random.Below(static_cast<uint64_t>(high - low)));
  };
  for (uint8_t& value : a) value = static_cast<uint8_t>(extreme(0, 255));
  for (int8_t& value : b) value = static_cast<int8_t>(extreme(-127, 127));
  Executor executor;
  const auto packed = PackedMatrix::Create(k, n, Precision::kInt8).value();
  ASSERT_TRUE(packed
                  ->Pack(MatrixViewInt8{.data = b.data(),
                                        .row_stride = k,
                                        .transposed = true},
                         &executor)
                  .ok());
  std::vector<int32_t> c(static_cast<size_t>(m * n));
  ASSERT_TRUE(packed->Multiply(m, a.data(), k, c.data(), n, &executor).ok());
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      int32_t sum = 0;
      for (int64_t p = 0; p < k; ++p) {
        sum += a[static_cast<size_t>(i * k + p)] *
               b[static_cast<size_t>(j * k + p)];
      }
      ASSERT_EQ(c[static_cast<size_t>(i * n + j)], sum) << i << ", " << j;
    }
  }
}

// A run of tiles in one product gives what the tiles give one by one, in every
// precision that this CPU has.
TEST(PackedMatrixTilesTest, RunGivesWhatItsTilesGive) {
  constexpr int64_t kRows = 3, kIn = 40, kTile = 64, kTiles = 11;
  const Floats b = RandomFloats(kTiles * kTile * kIn, 1);
  const Floats a = RandomFloats(kRows * kIn, 2);
  Executor executor;
  const auto matrix =
      PackedMatrix::Create(kIn, kTile, Precision::kF32, kTiles).value();
  for (int64_t tile = 0; tile < kTiles; ++tile) {
    ASSERT_TRUE(matrix
                    ->Pack({.data = b.data() + tile * kTile * kIn,
                            .row_stride = kIn,
                            .transposed = true},
                           &executor, tile)
                    .ok());
  }
  for (int64_t count = 1; count <= matrix->longest_run(); count *= 2) {
    constexpr int64_t kFirst = 2;
    Floats c(static_cast<size_t>(kRows * count * kTile));
    ASSERT_TRUE(matrix
                    ->Multiply(kRows, a.data(), kIn, c.data(), count * kTile,
                               false, &executor, {kFirst, count})
                    .ok());
    for (int64_t i = 0; i < kRows; ++i) {
      for (int64_t j = 0; j < count * kTile; ++j) {
        double sum = 0;
        for (int64_t p = 0; p < kIn; ++p) {
          sum += static_cast<double>(a[static_cast<size_t>(i * kIn + p)]) *
                 static_cast<double>(
                     b[static_cast<size_t>((kFirst * kTile + j) * kIn + p)]);
        }
        ASSERT_NEAR(c[static_cast<size_t>(i * count * kTile + j)], sum, 1e-4);
      }
    }
  }
}

using Halves = std::vector<BFloat16>;

// Rounds the values and returns them so.
Halves Round(Floats* values) {
  Halves rounded(values->size());
  ToBFloat16(*values, absl::MakeSpan(rounded));
  ToFloat(rounded, absl::MakeSpan(*values));
  return rounded;
}

// Once the factors are rounded, products and sums are those of f32.
TEST_P(MatmulShapeTest, ProductOfBFloat16IsExactButForTheRoundedFactors) {
  if (!SupportsBF16()) GTEST_SKIP() << "this CPU has no AVX512_BF16";
  const auto [m, n, k] = GetParam();
  Executor executor;
  for (int layout = 0; layout < 8; ++layout) {
    const bool ta = (layout & 1) != 0, tb = (layout & 2) != 0;
    const int64_t a_stride = (ta ? m : k) + 3, b_stride = (tb ? k : n) + 1;
    Floats a = RandomFloats((ta ? k : m) * a_stride, 1);
    Floats b = RandomFloats((tb ? n : k) * b_stride, 2);
    const Halves a16 = Round(&a), b16 = Round(&b);
    const Floats before = RandomFloats(m * (n + 2), 3);
    Floats c = before;
    const bool accumulate = (layout & 4) != 0;
    ASSERT_TRUE(MatmulBF16({.m = m,
                            .n = n,
                            .k = k,
                            .a = {.data = a16.data(),
                                  .row_stride = a_stride,
                                  .transposed = ta},
                            .b = {.data = b16.data(),
                                  .row_stride = b_stride,
                                  .transposed = tb},
                            .c = c.data(),
                            .c_row_stride = n + 2,
                            .accumulate = accumulate},
                           &executor)
                    .ok());
    ExpectProduct(
        {.m = m,
         .n = n,
         .k = k,
         .a = {.data = a.data(), .row_stride = a_stride, .transposed = ta},
         .b = {.data = b.data(), .row_stride = b_stride, .transposed = tb},
         .c = c.data(),
         .c_row_stride = n + 2,
         .accumulate = accumulate},
        before);
  }
}

// Packing rounds: the matrix is given in f32.
TEST_P(MatmulShapeTest, PackedBFloat16MatrixMultipliesTheRoundedValues) {
  if (!SupportsBF16()) GTEST_SKIP() << "this CPU has no AVX512_BF16";
  const auto [m, n, k] = GetParam();
  Executor executor;
  Floats a = RandomFloats(m * k, 4), b = RandomFloats(n * k, 5);
  const Halves a16 = Round(&a);
  const auto packed = PackedMatrix::Create(k, n, Precision::kBF16).value();
  ASSERT_TRUE(
      packed
          ->Pack({.data = b.data(), .row_stride = k, .transposed = true},
                 &executor)
          .ok());
  Round(&b);
  Floats c(static_cast<size_t>(m * n));
  ASSERT_TRUE(
      packed->Multiply(m, a16.data(), k, c.data(), n, false, &executor).ok());
  ExpectProduct({.m = m,
                 .n = n,
                 .k = k,
                 .a = {.data = a.data(), .row_stride = k},
                 .b = {.data = b.data(), .row_stride = k, .transposed = true},
                 .c = c.data(),
                 .c_row_stride = n},
                c);
}

INSTANTIATE_TEST_SUITE_P(Shapes, MatmulShapeTest,
                         ::testing::Values(std::array<int64_t, 3>{1, 1, 1},
                                           std::array<int64_t, 3>{1, 256, 17},
                                           std::array<int64_t, 3>{3, 5, 7},
                                           std::array<int64_t, 3>{64, 33, 100},
                                           std::array<int64_t, 3>{65, 47, 1}));

// Without the CPU's own instructions bfloat16 would be slower than f32.
TEST(PackedMatrixTest, FastKernelRunsInBothPrecisions) {
  if (!SupportsBF16()) GTEST_SKIP() << "this CPU has no AVX512_BF16";
  const auto kernel = [](Precision precision) {
    return PackedMatrix::Create(512, 2048, precision).value()->implementation();
  };
  EXPECT_EQ(kernel(Precision::kF32), "brg:avx512_core");
  EXPECT_THAT(kernel(Precision::kBF16),
              ::testing::HasSubstr("brg:avx512_core"));
  EXPECT_THAT(kernel(Precision::kBF16), ::testing::HasSubstr("bf16"));
}

// Weights are shared, executors are not: oneDNN's primitives hold no state of a
// call when the scratchpad is the caller's.
TEST(PackedMatrixTest, ThreadsWithOwnExecutorsShareAMatrix) {
  constexpr int64_t kN = 64;
  const Floats a = RandomFloats(kN * kN, 7), b = RandomFloats(kN * kN, 8);
  const auto packed = PackedMatrix::Create(kN, kN).value();
  Executor own;
  ASSERT_TRUE(packed->Pack({.data = b.data(), .row_stride = kN}, &own).ok());
  std::vector<Floats> results(4, Floats(kN * kN));
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      Executor executor;
      for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(packed
                        ->Multiply(kN, a.data(), kN, result.data(), kN, false,
                                   &executor)
                        .ok());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, results[0]);
}

// Shapes that come from input cannot make the cache grow for ever.
TEST(ExecutorTest, NumberOfPrimitivesIsBounded) {
  Executor executor;
  const Floats a(2000), b(1);
  Floats c(2000);
  for (int64_t m = 1; m <= 1100; ++m) {
    ASSERT_TRUE(Matmul({.m = m,
                        .n = 1,
                        .k = 1,
                        .a = {.data = a.data(), .row_stride = 1},
                        .b = {.data = b.data(), .row_stride = 1},
                        .c = c.data(),
                        .c_row_stride = 1},
                       &executor)
                    .ok());
    ASSERT_LE(executor.primitives(), Executor::kMaxPrimitives);
  }
}

}  // namespace
}  // namespace carousel
