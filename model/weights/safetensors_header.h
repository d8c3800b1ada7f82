// SPDX-License-Identifier: Apache-2.0
//
// What a safetensors file says about itself, checked against its size. Pure: it
// sees bytes, so tests and the fuzzer can feed it without a file.

#ifndef CAROUSEL_MODEL_WEIGHTS_SAFETENSORS_HEADER_H_
#define CAROUSEL_MODEL_WEIGHTS_SAFETENSORS_HEADER_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/tensor/tensor.h"

namespace carousel {

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  // Bytes [begin, end) of the data section.
  size_t begin = 0;
  size_t end = 0;
};

struct SafetensorsHeader {
  size_t data_begin = 0;  // of the data section in the file
  // In the order of their bytes; together they cover the data section, each
  // byte once, and every tensor is aligned to its type relative to the file's
  // start.
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;
};

// `file` is the whole file; only its header is read. INVALID_ARGUMENT naming
// the tensor, expected and found.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    absl::string_view file);

// The bytes in front of the data section, for `entries` as they stand; padded
// so that the data begins at a multiple of 64 bytes.
std::string SerialiseSafetensorsHeader(const SafetensorsHeader& header);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_WEIGHTS_SAFETENSORS_HEADER_H_
