// SPDX-License-Identifier: Apache-2.0

#include "model/weights/safetensors_header.h"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/weights/strict_json.h"

namespace carousel {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // as the reference reader
constexpr size_t kDataAlignment = 64;              // a cache line
constexpr char kMetadata[] = "__metadata__";

constexpr DType kStoredTypes[] = {DType::kF32, DType::kBF16, DType::kI8,
                                  DType::kI32, DType::kI64};

// The JSON part of `file`.
absl::StatusOr<absl::string_view> HeaderText(absl::string_view file) {
  if (file.size() < kLengthBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("file: expected at least 8 bytes, found ", file.size()));
  }
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) {
    length = length << 8 | static_cast<unsigned char>(file[i]);
  }
  const uint64_t limit =
      std::min<uint64_t>(kMaxHeaderBytes, file.size() - kLengthBytes);
  if (length > limit) {
    return absl::InvalidArgumentError(absl::StrCat(
        "header length: expected at most ", limit, " bytes, found ", length));
  }
  const absl::string_view text = file.substr(kLengthBytes, length);
  if (text.empty() || text.front() != '{') {
    return absl::InvalidArgumentError(
        "header: expected a JSON object that begins at byte 8, found none");
  }
  return text;
}

absl::StatusOr<DType> ParseDType(const JsonField& field) {
  ASSIGN_OR_RETURN(const std::string name, field.String());
  for (DType dtype : kStoredTypes) {
    if (DTypeName(dtype) == name) return dtype;
  }
  return field.Expected("F32, BF16, I8, I32 or I64");
}

// Multiplies in the order of NumElements, so that what passes here cannot
// overflow there.
absl::StatusOr<int64_t> BytesOf(const SafetensorsEntry& entry,
                                const JsonField& shape) {
  int64_t product = 1;
  bool overflow = false;
  for (int64_t dim : entry.shape) {
    overflow |= __builtin_mul_overflow(product, dim, &product);
  }
  const auto element = static_cast<int64_t>(SizeOf(entry.dtype));
  overflow |= __builtin_mul_overflow(product, element, &product);
  if (overflow) return shape.Expected("fewer than 2^63 bytes in all");
  return product;
}

absl::StatusOr<SafetensorsEntry> ParseEntry(const std::string& name,
                                            const JsonField& field,
                                            size_t data_size) {
  SafetensorsEntry entry;
  entry.name = name;
  ASSIGN_OR_RETURN(const JsonField dtype, field.Get("dtype"));
  ASSIGN_OR_RETURN(entry.dtype, ParseDType(dtype));

  ASSIGN_OR_RETURN(const JsonField shape, field.Get("shape"));
  ASSIGN_OR_RETURN(const auto dims, shape.Elements());
  for (const JsonField& dim : dims) {
    ASSIGN_OR_RETURN(const int64_t size, dim.Integer(0, INT64_MAX));
    entry.shape.push_back(size);
  }
  ASSIGN_OR_RETURN(const int64_t bytes, BytesOf(entry, shape));

  ASSIGN_OR_RETURN(const JsonField offsets, field.Get("data_offsets"));
  ASSIGN_OR_RETURN(const auto pair, offsets.Elements());
  if (pair.size() != 2) return offsets.Expected("[begin, end]");
  const auto last = static_cast<int64_t>(data_size);
  ASSIGN_OR_RETURN(const int64_t begin, pair[0].Integer(0, last));
  ASSIGN_OR_RETURN(const int64_t end, pair[1].Integer(begin, last));
  if (end - begin != bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor ", QuoteForMessage(name), ": expected ", bytes, " bytes for ",
        DTypeName(entry.dtype), " ", ShapeString(entry.shape), ", found ",
        end - begin, " (bytes ", begin, " to ", end, ")"));
  }
  entry.begin = static_cast<size_t>(begin);
  entry.end = static_cast<size_t>(end);
  return entry;
}

absl::StatusOr<std::map<std::string, std::string>> ParseMetadata(
    const JsonField& field) {
  std::map<std::string, std::string> metadata;
  ASSIGN_OR_RETURN(const auto members, field.Members());
  for (const auto& [key, value] : members) {
    ASSIGN_OR_RETURN(metadata[key], value.String());
  }
  return metadata;
}

// Checks that the sorted entries lie one after the other, without overlap and
// hole, up to the end of the data, and aligned.
absl::Status CheckLayout(const SafetensorsHeader& header, size_t data_size) {
  size_t covered = 0;
  for (const SafetensorsEntry& entry : header.entries) {
    if (entry.begin != covered) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", QuoteForMessage(entry.name),
          ": expected to begin at byte ", covered,
          " of the data, where the one before ends, found ", entry.begin));
    }
    if ((header.data_begin + entry.begin) % SizeOf(entry.dtype) != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", QuoteForMessage(entry.name), ": expected alignment to ",
          SizeOf(entry.dtype), " bytes for ", DTypeName(entry.dtype),
          ", found it at byte ", header.data_begin + entry.begin,
          " of the file"));
    }
    covered = entry.end;
  }
  if (covered == data_size) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("data: expected ", covered,
                   " bytes, the end of the last tensor, found ", data_size));
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    absl::string_view file) {
  ASSIGN_OR_RETURN(const absl::string_view text, HeaderText(file));
  SafetensorsHeader header;
  header.data_begin = kLengthBytes + text.size();
  const size_t data_size = file.size() - header.data_begin;
  ASSIGN_OR_RETURN(const nlohmann::json document, ParseStrictJson(text));
  for (const auto& [name, value] : document.items()) {
    const JsonField field(value,
                          absl::StrCat("tensor ", QuoteForMessage(name)));
    if (name == kMetadata) {
      ASSIGN_OR_RETURN(header.metadata, ParseMetadata(field));
      continue;
    }
    ASSIGN_OR_RETURN(SafetensorsEntry entry,
                     ParseEntry(name, field, data_size));
    header.entries.push_back(std::move(entry));
  }
  std::sort(header.entries.begin(), header.entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return std::tie(a.begin, a.end, a.name) <
                     std::tie(b.begin, b.end, b.name);
            });
  RETURN_IF_ERROR(CheckLayout(header, data_size));
  return header;
}

std::string SerialiseSafetensorsHeader(const SafetensorsHeader& header) {
  nlohmann::ordered_json document = nlohmann::ordered_json::object();
  if (!header.metadata.empty()) document[kMetadata] = header.metadata;
  for (const SafetensorsEntry& entry : header.entries) {
    document[entry.name] = {{"dtype", std::string(DTypeName(entry.dtype))},
                            {"shape", entry.shape},
                            {"data_offsets", {entry.begin, entry.end}}};
  }
  std::string text = document.dump(
      -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  const size_t used = (kLengthBytes + text.size()) % kDataAlignment;
  if (used != 0) text.append(kDataAlignment - used, ' ');

  std::string result;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    result.push_back(static_cast<char>(text.size() >> (8 * i) & 0xff));
  }
  return result + text;
}

}  // namespace carousel
