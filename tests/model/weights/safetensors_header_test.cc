// SPDX-License-Identifier: Apache-2.0

#include "model/weights/safetensors_header.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// A file with this JSON, padded to a multiple of 8 as PyTorch's writer does,
// and so many bytes of data.
std::string File(std::string json, size_t data_bytes) {
  json.append((8 - json.size() % 8) % 8, ' ');
  std::string file(8, '\0');
  file[0] = static_cast<char>(json.size() & 0xff);
  file[1] = static_cast<char>(json.size() >> 8);
  return file + json + std::string(data_bytes, '\7');
}

std::string Entry(const std::string& name, const std::string& dtype,
                  const std::string& shape, const std::string& offsets) {
  return absl::StrCat("\"", name, "\":{\"dtype\":", dtype, ",\"shape\":", shape,
                      ",\"data_offsets\":", offsets, "}");
}

std::string OneTensor(const std::string& dtype, const std::string& shape,
                      const std::string& offsets, size_t data_bytes) {
  return File(std::string("{") + Entry("t", dtype, shape, offsets) + "}",
              data_bytes);
}

TEST(SafetensorsHeaderTest, ReadsWhatIsThere) {
  const auto header = ParseSafetensorsHeader(
      File(R"({"__metadata__":{"format":"pt"},)" +
               Entry("b", "\"BF16\"", "[2,2]", "[4,12]") + "," +
               Entry("none", "\"I32\"", "[3,0]", "[4,4]") + "," +
               Entry("a", "\"F32\"", "[]", "[0,4]") + "}",
           12));
  ASSERT_THAT(header, IsOk());
  ASSERT_EQ(header->entries.size(), 3u);
  EXPECT_EQ(header->entries[0].name, "a");
  EXPECT_EQ(header->entries[1].shape, Shape({3, 0}));
  EXPECT_EQ(header->entries[2].dtype, DType::kBF16);
  EXPECT_EQ(header->entries[2].shape, Shape({2, 2}));
  EXPECT_EQ(header->metadata.at("format"), "pt");
}

// An empty file of tensors is a file.
TEST(SafetensorsHeaderTest, TakesNoTensors) {
  EXPECT_THAT(ParseSafetensorsHeader(File("{}", 0)), IsOk());
  EXPECT_THAT(ParseSafetensorsHeader(File("{}", 1)),
              StatusIs(kInvalid, HasSubstr("expected 0 bytes")));
}

// Each field of a tensor, damaged alone.
TEST(SafetensorsHeaderTest, RefusesEveryDamagedField) {
  const char* const f32 = "\"F32\"";
  const struct {
    std::string file;
    const char* error;
  } cases[] = {
      {OneTensor("3", "[2]", "[0,8]", 8), "\"t\".dtype: expected a string"},
      {OneTensor("\"F16\"", "[2]", "[0,4]", 4), "found \"F16\""},
      {OneTensor("\"f32\"", "[2]", "[0,8]", 8), "found \"f32\""},
      {OneTensor(f32, "2", "[0,8]", 8), "\"t\".shape: expected a list"},
      {OneTensor(f32, "[-2]", "[0,8]", 8), "shape[0]: expected an integer"},
      {OneTensor(f32, "[2.0]", "[0,8]", 8), "found 2.0"},
      {OneTensor(f32, "[\"2\"]", "[0,8]", 8), "shape[0]"},
      {OneTensor(f32, "[18446744073709551615]", "[0,8]", 8), "shape[0]"},
      {OneTensor(f32, "[4611686018427387904,4]", "[0,0]", 0), "2^63"},
      {OneTensor(f32, "[4611686018427387904,4,0]", "[0,0]", 0), "2^63"},
      {OneTensor(f32, "[4294967296,4294967296]", "[0,8]", 8), "2^63"},
      {OneTensor(f32, "[3]", "[0,8]", 8), "expected 12 bytes for F32 [3]"},
      {OneTensor(f32, "[2]", "{}", 8), "data_offsets: expected a list"},
      {OneTensor(f32, "[2]", "[0]", 8), "expected [begin, end]"},
      {OneTensor(f32, "[2]", "[0,8,8]", 8), "expected [begin, end]"},
      {OneTensor(f32, "[2]", "[8,0]", 8), "data_offsets[1]"},
      {OneTensor(f32, "[2]", "[-8,0]", 8), "data_offsets[0]"},
      {OneTensor(f32, "[2]", "[0,16]", 8), "data_offsets[1]"},
      {OneTensor(f32, "[2]", "[8,16]", 16), "expected to begin at byte 0"},
      {OneTensor(f32, "[2]", "[0,8]", 12), "data: expected 8 bytes"},
      {OneTensor(f32, "[2]", "[0,1e1]", 8), "data_offsets[1]"},
      {File(R"({"t":3})", 0), "tensor \"t\": expected an object"},
      {File(R"({"t":{"shape":[],"data_offsets":[0,4]}})", 4), ".dtype"},
      {File(R"({"t":{"dtype":"F32","data_offsets":[0,4]}})", 4), ".shape"},
      {File(R"({"t":{"dtype":"F32","shape":[]}})", 4), ".data_offsets"},
      {File(R"({"__metadata__":3})", 0), "expected an object"},
      {File(R"({"__metadata__":{"a":3}})", 0), "expected a string, found 3"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ParseSafetensorsHeader(c.file),
                StatusIs(kInvalid, HasSubstr(c.error)))
        << c.file;
  }
}

// Each byte of data belongs to one tensor.
TEST(SafetensorsHeaderTest, RefusesOverlapHoleAndRepeatedName) {
  const std::string a = Entry("a", "\"F32\"", "[2]", "[0,8]");
  const auto two = [&](const std::string& b, size_t bytes) {
    return ParseSafetensorsHeader(
        File(std::string("{") + a + "," + b + "}", bytes));
  };
  EXPECT_THAT(two(Entry("b", "\"F32\"", "[2]", "[8,16]"), 16), IsOk());
  EXPECT_THAT(
      two(Entry("b", "\"F32\"", "[2]", "[4,12]"), 12),
      StatusIs(kInvalid, HasSubstr("\"b\": expected to begin at byte 8")));
  EXPECT_THAT(two(Entry("b", "\"F32\"", "[2]", "[0,8]"), 8),
              StatusIs(kInvalid, HasSubstr("begin at byte 8")));
  EXPECT_THAT(two(Entry("b", "\"F32\"", "[2]", "[12,20]"), 20),
              StatusIs(kInvalid, HasSubstr("found 12")));
  EXPECT_THAT(two(Entry("a", "\"F32\"", "[2]", "[8,16]"), 16),
              StatusIs(kInvalid, HasSubstr("found twice")));
}

// Kernels read whole elements; a misaligned pointer is undefined behaviour.
TEST(SafetensorsHeaderTest, RefusesMisalignedTensors) {
  EXPECT_THAT(ParseSafetensorsHeader(File(
                  std::string("{") + Entry("a", "\"BF16\"", "[1]", "[0,2]") +
                      "," + Entry("b", "\"F32\"", "[1]", "[2,6]") + "}",
                  6)),
              StatusIs(kInvalid, HasSubstr("\"b\": expected alignment to 4")));
  std::string odd =
      std::string("{") + Entry("a", "\"F32\"", "[1]", "[0,4]") + "}";
  while ((odd.size() + 8) % 4 == 0) odd += ' ';
  std::string file(8, '\0');
  file[0] = static_cast<char>(odd.size());
  EXPECT_THAT(ParseSafetensorsHeader(file + odd + "1234"),
              StatusIs(kInvalid, HasSubstr("\"a\": expected alignment")));
}

// The length comes first, and everything after it depends on it.
TEST(SafetensorsHeaderTest, RefusesDamagedLength) {
  std::string file = File("{}", 0);
  EXPECT_THAT(ParseSafetensorsHeader(file.substr(0, 7)),
              StatusIs(kInvalid, HasSubstr("at least 8 bytes, found 7")));
  EXPECT_THAT(ParseSafetensorsHeader(""), StatusIs(kInvalid));
  file[0] = 9;
  EXPECT_THAT(ParseSafetensorsHeader(file),
              StatusIs(kInvalid, HasSubstr("at most 8 bytes, found 9")));
  for (int i = 0; i < 8; ++i) file[i] = '\xff';
  EXPECT_THAT(ParseSafetensorsHeader(file),
              StatusIs(kInvalid, HasSubstr("18446744073709551615")));
  for (int i = 0; i < 8; ++i) file[i] = 0;
  EXPECT_THAT(ParseSafetensorsHeader(file), StatusIs(kInvalid));
}

TEST(SafetensorsHeaderTest, RefusesAnythingButAnObject) {
  for (const char* json : {"[]", "3", "\"{\"", " {}", "{", "{} {}"}) {
    EXPECT_THAT(ParseSafetensorsHeader(File(json, 0)), StatusIs(kInvalid))
        << json;
  }
}

}  // namespace
}  // namespace carousel
