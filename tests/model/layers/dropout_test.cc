// SPDX-License-Identifier: Apache-2.0

#include "model/layers/dropout.h"

#include <algorithm>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

std::vector<float> Mask(const DropoutKey& key, float rate, int64_t width,
                        size_t size) {
  std::vector<float> mask(size);
  FillDropoutMask(key, rate, width, absl::MakeSpan(mask));
  return mask;
}

TEST(DropoutTest, ShareOfZerosIsTheRateAndTheRestIsScaledUp) {
  const auto mask = Mask({.seed = 1, .step = 2, .site = 3}, 0.2f, 100, 100'000);
  const auto zeros = std::count(mask.begin(), mask.end(), 0.0f);
  EXPECT_NEAR(static_cast<double>(zeros) / 100'000, 0.2, 0.005);
  EXPECT_EQ(std::count(mask.begin(), mask.end(), 1.25f), 100'000 - zeros);
}

// A resumed run draws what the whole run drew.
TEST(DropoutTest, EqualKeysGiveEqualMasks) {
  const DropoutKey key = {.seed = 1, .step = 2, .site = 3};
  EXPECT_EQ(Mask(key, 0.5f, 33, 3300), Mask(key, 0.5f, 33, 3300));
}

TEST(DropoutTest, AnyPartOfTheKeyChangesTheMask) {
  const auto mask = Mask({.seed = 1, .step = 2, .site = 3}, 0.5f, 33, 3300);
  EXPECT_NE(mask, Mask({.seed = 9, .step = 2, .site = 3}, 0.5f, 33, 3300));
  EXPECT_NE(mask, Mask({.seed = 1, .step = 9, .site = 3}, 0.5f, 33, 3300));
  EXPECT_NE(mask, Mask({.seed = 1, .step = 2, .site = 9}, 0.5f, 33, 3300));
}

// A row's mask does not depend on how many rows there are: a batch can be
// divided.
TEST(DropoutTest, RowsAreDrawnEachByItself) {
  const DropoutKey key = {.seed = 4};
  const auto ten = Mask(key, 0.5f, 7, 70);
  const auto four = Mask(key, 0.5f, 7, 28);
  EXPECT_TRUE(std::equal(four.begin(), four.end(), ten.begin()));
  EXPECT_FALSE(std::equal(ten.begin(), ten.begin() + 7, ten.begin() + 7));
}

// Two processes with half the rows each draw what one draws for all of them.
TEST(DropoutTest, PartOfABatchDrawsItsPartOfTheMask) {
  constexpr size_t kSteps = 3, kRows = 4, kWidth = 5;
  const auto whole = Mask({.seed = 4}, 0.5f, kWidth, kSteps * kRows * kWidth);
  const auto part =
      Mask({.seed = 4, .first_row = 2, .local_rows = 2, .global_rows = kRows},
           0.5f, kWidth, kSteps * 2 * kWidth);
  for (size_t t = 0; t < kSteps; ++t) {
    const auto expected = whole.begin() + (t * kRows + 2) * kWidth;
    EXPECT_TRUE(std::equal(expected, expected + 2 * kWidth,
                           part.begin() + t * 2 * kWidth));
  }
}

}  // namespace
}  // namespace carousel
