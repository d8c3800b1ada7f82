// SPDX-License-Identifier: Apache-2.0
#include "client/cli/utf8.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/utf8.h"

namespace carousel {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

int ColumnsOf(int32_t code_point) {
  if (code_point < 0) return 1;
  constexpr uint32_t kNoWidth = U_GC_MN_MASK | U_GC_ME_MASK | U_GC_CF_MASK;
  if ((U_GET_GC_MASK(code_point) & kNoWidth) != 0) return 0;
  switch (u_getIntPropertyValue(code_point, UCHAR_EAST_ASIAN_WIDTH)) {
    case U_EA_WIDE:
    case U_EA_FULLWIDTH:
      return 2;
    default:
      return 1;
  }
}

size_t PreviousCodePoint(absl::string_view text, size_t at) {
  if (at == 0) return 0;
  // The macro compares with the start of the text as an int32_t.
  auto before = static_cast<int32_t>(at);
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  U8_BACK_1(bytes, 0, before);
  return static_cast<size_t>(before);
}

std::string ReplaceControls(absl::string_view text, absl::string_view kept) {
  std::string printable;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const int32_t code_point = ReadCodePoint(text, at);
    const bool control =
        code_point < 0 || u_charType(code_point) == U_CONTROL_CHAR;
    const bool bad = control && !absl::StrContains(kept, text[start]);
    absl::StrAppend(&printable,
                    bad ? kReplacement : text.substr(start, at - start));
  }
  return printable;
}

}  // namespace

size_t PreviousCharacter(absl::string_view text, size_t at) {
  while (at > 0) {
    at = PreviousCodePoint(text, at);
    size_t end = at;
    if (ColumnsOf(ReadCodePoint(text, end)) > 0) break;
  }
  return at;
}

size_t NextCharacter(absl::string_view text, size_t at) {
  if (at < text.size()) ReadCodePoint(text, at);
  while (at < text.size()) {
    size_t end = at;
    if (ColumnsOf(ReadCodePoint(text, end)) > 0) break;
    at = end;
  }
  return at;
}

absl::string_view DropLastCodePoints(absl::string_view text, int count) {
  size_t end = text.size();
  for (int i = 0; i < count; ++i) end = PreviousCodePoint(text, end);
  return text.substr(0, end);
}

int Columns(absl::string_view text) {
  int columns = 0;
  for (size_t at = 0; at < text.size();)
    columns += ColumnsOf(ReadCodePoint(text, at));
  return columns;
}

absl::string_view LastColumns(absl::string_view text, int columns) {
  size_t start = text.size();
  while (start > 0) {
    const size_t previous = PreviousCharacter(text, start);
    columns -= Columns(text.substr(previous, start - previous));
    if (columns < 0) break;
    start = previous;
  }
  return text.substr(start);
}

absl::string_view FirstColumns(absl::string_view text, int columns) {
  size_t end = 0;
  while (end < text.size()) {
    const size_t next = NextCharacter(text, end);
    columns -= Columns(text.substr(end, next - end));
    if (columns < 0) break;
    end = next;
  }
  return text.substr(0, end);
}

std::string Printable(absl::string_view text) {
  return ReplaceControls(text, "");
}

std::string PrintableLines(absl::string_view text) {
  return ReplaceControls(text, "\n\t");
}

}  // namespace carousel
