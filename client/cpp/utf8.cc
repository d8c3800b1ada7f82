// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/utf8.h"

#include <unicode/utf8.h>

#include "absl/strings/str_cat.h"

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

absl::Status CheckUtf8(absl::string_view text, absl::string_view what) {
  for (size_t at = 0, start = 0; at < text.size(); start = at) {
    if (ReadCodePoint(text, at) < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": not valid UTF-8 at byte ", start));
    }
  }
  return absl::OkStatus();
}

}  // namespace carousel
