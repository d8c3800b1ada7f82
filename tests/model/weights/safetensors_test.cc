// SPDX-License-Identifier: Apache-2.0

#include "model/weights/safetensors.h"

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/base/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SafetensorsTest : public testing::Test {
 protected:
  // A file with every kind of trouble to come: an odd number of BF16 elements
  // before F32 ones, a scalar, an empty tensor.
  std::string WriteSample() {
    const std::vector<NamedTensor> tensors = {
        {"half", Tensor::FromFloats({3}, {1.5f, -2, 0.25f}).ToBF16()},
        {"matrix", Tensor::FromFloats({2, 2}, {1, 2, 3, 4})},
        {"scalar", Tensor::FromFloats({}, {7})},
        {"empty", Tensor::Zeros(DType::kF32, {0, 5})},
        {"bytes", Tensor::Zeros(DType::kI8, {3})},
        {"long", Tensor::Zeros(DType::kI64, {1})}};
    const std::string path = dir_.File("sample.safetensors");
    EXPECT_THAT(WriteSafetensors(path, tensors, {{"format", "pt"}}), IsOk());
    return path;
  }

  std::string WriteBytes(const std::string& content) {
    const std::string path = dir_.File("damaged.safetensors");
    // Not atomically, and not in place of an old file: thousands of flushes to
    // the disk would take a minute.
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  TempDir dir_;
};

TEST_F(SafetensorsTest, ReadsBackWhatWasWritten) {
  const auto file = Safetensors::Open(WriteSample());
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ((*file)->metadata().at("format"), "pt");
  EXPECT_THAT((*file)->Get("matrix")->span<float>(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT((*file)->Get("half")->ToF32().span<float>(),
              ElementsAre(1.5f, -2, 0.25f));
  EXPECT_THAT((*file)->Get("scalar")->span<float>(), ElementsAre(7));
  EXPECT_EQ((*file)->Get("empty")->shape(), Shape({0, 5}));
}

// The format has no padding between tensors, so their order makes alignment.
TEST_F(SafetensorsTest, WriterPutsLargerTypesFirstAndKeepsTheOrderOtherwise) {
  const auto file = Safetensors::Open(WriteSample());
  ASSERT_THAT(file, IsOk());
  std::vector<std::string> names;
  for (const NamedTensor& t : (*file)->tensors()) names.push_back(t.name);
  // The reader sorts by place; of two at one place the empty one comes first.
  EXPECT_THAT(
      names, ElementsAre("long", "matrix", "scalar", "empty", "half", "bytes"));
  const auto first =
      reinterpret_cast<uintptr_t>((*file)->tensors()[0].tensor.raw());
  EXPECT_EQ(first % 64, 0u);
}

// Whoever holds a tensor holds the mapping.
TEST_F(SafetensorsTest, TensorsOutliveTheFile) {
  Tensor matrix;
  {
    auto file = Safetensors::Open(WriteSample());
    ASSERT_THAT(file, IsOk());
    matrix = *(*file)->Get("matrix");
  }
  EXPECT_THAT(matrix.span<float>(), ElementsAre(1, 2, 3, 4));
}

TEST_F(SafetensorsTest, MissingTensorIsNotFoundWithTheNamesThatAre) {
  const auto file = Safetensors::Open(WriteSample());
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT((*file)->Get("bias"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("\"bias\", found long, matrix")));
}

TEST_F(SafetensorsTest, MissingFileIsNotFound) {
  EXPECT_THAT(Safetensors::Open(dir_.File("none")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
}

TEST_F(SafetensorsTest, DamageIsDataLossWithThePath) {
  const std::string path = WriteBytes("short");
  EXPECT_THAT(Safetensors::Open(path),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr(path + ": file: expected")));
  EXPECT_THAT(Safetensors::Open(WriteBytes("")),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(SafetensorsTest, WriterRefusesBadNames) {
  const Tensor t = Tensor::Zeros(DType::kF32, {1});
  const std::string path = dir_.File("x");
  for (const std::vector<NamedTensor>& tensors :
       {std::vector<NamedTensor>{{"a", t}, {"a", t}},
        std::vector<NamedTensor>{{"", t}},
        std::vector<NamedTensor>{{"__metadata__", t}},
        std::vector<NamedTensor>{{"a", Tensor()}}}) {
    EXPECT_THAT(
        WriteSafetensors(path, tensors),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tensor \"")));
  }
  EXPECT_THAT(ReadFile(path), StatusIs(absl::StatusCode::kNotFound));
}

// A file that was cut off anywhere is never taken for a smaller one.
TEST_F(SafetensorsTest, RefusesTheFileCutAtEveryByte) {
  const std::string whole = *ReadFile(WriteSample());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(Safetensors::Open(WriteBytes(whole.substr(0, size))),
                StatusIs(absl::StatusCode::kDataLoss))
        << size;
  }
}

// Whatever bits change, every byte that a tensor shows can be read (ASan looks
// on), and none lies outside the file.
TEST_F(SafetensorsTest, FlippedBitsNeverCrash) {
  constexpr uint64_t kSeed = 20250101;
  const std::string whole = *ReadFile(WriteSample());
  for (uint64_t round = 0; round < 2000; ++round) {
    Random random(kSeed, round);
    std::string damaged = whole;
    for (uint64_t flips = 1 + random.Below(3); flips > 0; --flips) {
      damaged[random.Below(damaged.size())] ^=
          static_cast<char>(1 << random.Below(8));
    }
    const auto file = Safetensors::Open(WriteBytes(damaged));
    if (!file.ok()) {
      EXPECT_EQ(file.status().code(), absl::StatusCode::kDataLoss);
      continue;
    }
    size_t bytes = 0;
    for (const NamedTensor& named : (*file)->tensors()) {
      bytes += named.tensor.size_bytes();
      const auto* data = static_cast<const char*>(named.tensor.raw());
      EXPECT_EQ(Sha256({data, named.tensor.size_bytes()}).size(), 64u);
    }
    EXPECT_LT(bytes, damaged.size());
  }
}

}  // namespace
}  // namespace carousel
