// SPDX-License-Identifier: Apache-2.0

#include "model/text/white_space.h"

#include <unicode/uchar.h>

#include "model/text/code_points.h"

namespace carousel {
namespace {

bool IsWhiteSpace(UChar32 c) {
  return u_isUWhiteSpace(c) || (c >= 0x1C && c <= 0x1F);
}

}  // namespace

std::vector<std::string> SplitAtWhiteSpace(absl::string_view text) {
  std::vector<std::string> parts;
  bool in_part = false;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    if (IsWhiteSpace(NextCodePoint(text, &i))) {
      in_part = false;
      continue;
    }
    if (!in_part) parts.emplace_back();
    in_part = true;
    parts.back().append(text.data() + begin, i - begin);
  }
  return parts;
}

}  // namespace carousel
