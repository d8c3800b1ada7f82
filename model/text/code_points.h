// SPDX-License-Identifier: Apache-2.0
//
// Walking over UTF-8 with ICU's macros. Private to model/text.
//
//   for (size_t i = 0; i < text.size();) Use(NextCodePoint(text, &i));

#ifndef CAROUSEL_MODEL_TEXT_CODE_POINTS_H_
#define CAROUSEL_MODEL_TEXT_CODE_POINTS_H_

#include <unicode/stringpiece.h>
#include <unicode/utf8.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace carousel {

// ICU's macros narrow their arguments.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"

// The code point at `*offset`, which moves behind it. Negative if the bytes
// there are not UTF-8. REQUIRES: *offset < text.size().
inline UChar32 NextCodePoint(absl::string_view text, size_t* offset) {
  UChar32 c;
  U8_NEXT(text.data(), *offset, text.size(), c);
  return c;
}

// REQUIRES: `c` is a Unicode scalar value.
inline void AppendCodePoint(UChar32 c, std::string* out) {
  char bytes[U8_MAX_LENGTH];
  size_t length = 0;
  U8_APPEND_UNSAFE(bytes, length, c);
  out->append(bytes, length);
}

#pragma GCC diagnostic pop

inline bool IsAscii(absl::string_view text) {
  uint8_t bits = 0;
  for (char c : text) bits |= static_cast<uint8_t>(c);
  return bits < 0x80;
}

inline icu::StringPiece ToStringPiece(absl::string_view text) {
  return {text.data(), static_cast<int32_t>(text.size())};
}

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TEXT_CODE_POINTS_H_
