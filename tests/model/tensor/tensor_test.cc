// SPDX-License-Identifier: Apache-2.0

#include "model/tensor/tensor.h"

#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

TEST(BFloat16Test, RoundsToNearestAndTiesToEven) {
  const auto rounded = [](uint32_t bits) {
    return ToBFloat16(std::bit_cast<float>(bits)).bits;
  };
  EXPECT_EQ(rounded(0x3f800000u), 0x3f80);  // exact
  EXPECT_EQ(rounded(0x3f807fffu), 0x3f80);  // below the middle
  EXPECT_EQ(rounded(0x3f808000u), 0x3f80);  // the middle, even below
  EXPECT_EQ(rounded(0x3f818000u), 0x3f82);  // the middle, even above
  EXPECT_EQ(rounded(0x3f808001u), 0x3f81);  // above the middle
}

TEST(BFloat16Test, KeepsInfinityAndNan) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(ToFloat(ToBFloat16(-infinity)), -infinity);
  // The payload lies wholly in the bits that are cut off.
  EXPECT_TRUE(
      std::isnan(ToFloat(ToBFloat16(std::bit_cast<float>(0x7f800001u)))));
}

TEST(TensorTest, ZerosAreAlignedToACacheLine) {
  const Tensor tensor = Tensor::Zeros(DType::kBF16, {3, 5});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw()) % 64, 0u);
  EXPECT_EQ(tensor.size_bytes(), 30u);
  EXPECT_THAT(tensor.ToF32().span<float>(), ::testing::Each(0.0f));
}

TEST(TensorTest, CopiesShareTheMemory) {
  Tensor tensor = Tensor::Zeros(DType::kF32, {2});
  const Tensor copy = tensor;
  tensor.mutable_data<float>()[1] = 7;
  EXPECT_EQ(copy.data<float>()[1], 7);
}

TEST(TensorTest, BorrowedTensorKeepsItsOwnerAlive) {
  auto owner = std::make_shared<std::vector<float>>(4, 1.5f);
  std::weak_ptr<std::vector<float>> watched = owner;
  {
    const Tensor tensor =
        Tensor::Borrow(DType::kF32, {4}, owner->data(), owner);
    owner.reset();
    EXPECT_FALSE(watched.expired());
    EXPECT_EQ(tensor.data<float>()[3], 1.5f);
  }
  EXPECT_TRUE(watched.expired());
}

TEST(TensorTest, ConversionToBf16AndBackRounds) {
  const Tensor tensor = Tensor::FromFloats({2}, {1.0f, 1.0f / 3});
  EXPECT_THAT(tensor.ToBF16().ToF32().span<float>(),
              ::testing::ElementsAre(1.0f, 0.333984375f));
}

TEST(TensorDeathTest, WritingToBorrowedMemoryIsABug) {
  const std::vector<float> values(2);
  Tensor tensor = Tensor::Borrow(DType::kF32, {2}, values.data());
  EXPECT_DEATH(tensor.mutable_data<float>(), "check failed: !borrowed_");
}

TEST(ShapeTest, ScalarHasOneElement) {
  EXPECT_EQ(NumElements({}), 1);
  EXPECT_EQ(NumElements({3, 0, 2}), 0);
  EXPECT_EQ(ShapeString({4, 2}), "[4,2]");
}

}  // namespace
}  // namespace carousel
