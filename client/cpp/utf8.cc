// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/utf8.h"

#include <unicode/utf8.h>

namespace carousel {

// ICU's macro narrows its own intermediate results.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
int32_t ReadCodePoint(absl::string_view text, size_t& at) {
  UChar32 code_point = 0;
  U8_NEXT(text.data(), at, text.size(), code_point);
  return code_point;
}
#pragma GCC diagnostic pop

}  // namespace carousel
