// SPDX-License-Identifier: Apache-2.0
//
// A stretch of a text.

#ifndef CAROUSEL_MODEL_TEXT_BYTE_RANGE_H_
#define CAROUSEL_MODEL_TEXT_BYTE_RANGE_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace carousel {

// Bytes [begin, end).
struct ByteRange {
  size_t begin = 0;
  size_t end = 0;

  size_t size() const { return end - begin; }
  bool empty() const { return begin == end; }
  bool operator==(const ByteRange&) const = default;
};

inline absl::string_view TextOf(absl::string_view text, ByteRange range) {
  return text.substr(range.begin, range.size());
}

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TEXT_BYTE_RANGE_H_
