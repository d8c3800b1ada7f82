// SPDX-License-Identifier: Apache-2.0

#include "model/text/normalise.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "model/base/check.h"
#include "model/text/code_points.h"

namespace carousel {
namespace {

// Up to here every code point is in NFC and composes with nothing before it.
constexpr UChar32 kFirstCombining = 0x300;

absl::Status InvalidUtf8(absl::string_view text, size_t offset) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "expected valid UTF-8, found byte 0x%02X at offset %d",
      static_cast<unsigned>(static_cast<uint8_t>(text[offset])), offset));
}

UChar32 ToPlain(UChar32 c) {
  switch (c) {
    case 0x02BC:  // modifier letter apostrophe
    case 0x2018:
    case 0x2019:
    case 0x201A:
    case 0x201B:
      return '\'';
    case 0x201C:
    case 0x201D:
    case 0x201E:
    case 0x201F:
      return '"';
    default:
      return u_isUWhiteSpace(c) ? ' ' : c;
  }
}

std::string ToNfc(std::string text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(error);
  CAROUSEL_CHECK(U_SUCCESS(error));
  if (nfc->isNormalizedUTF8(ToStringPiece(text), error)) return text;
  std::string result;
  icu::StringByteSink<std::string> sink(&result);
  nfc->normalizeUTF8(0, ToStringPiece(text), sink, nullptr, error);
  CAROUSEL_CHECK(U_SUCCESS(error));
  return result;
}

}  // namespace

absl::Status ValidateUtf8(absl::string_view text) {
  if (IsAscii(text)) return absl::OkStatus();
  for (size_t i = 0; i < text.size();) {
    const size_t offset = i;
    const UChar32 c = NextCodePoint(text, &i);
    if (c < 0) return InvalidUtf8(text, offset);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Normalise(absl::string_view text) {
  if (IsAscii(text)) {
    std::string result(text);
    std::replace_if(result.begin(), result.end(), absl::ascii_isspace, ' ');
    return result;
  }
  std::string result;
  result.reserve(text.size());
  bool may_compose = false;
  for (size_t i = 0; i < text.size();) {
    const size_t offset = i;
    UChar32 c = NextCodePoint(text, &i);
    if (c < 0) return InvalidUtf8(text, offset);
    c = ToPlain(c);
    may_compose = may_compose || c >= kFirstCombining;
    AppendCodePoint(c, &result);
  }
  return may_compose ? ToNfc(std::move(result)) : result;
}

int CountCodePoints(absl::string_view text) {
  return static_cast<int>(std::count_if(
      text.begin(), text.end(), [](char c) { return !U8_IS_TRAIL(c); }));
}

}  // namespace carousel
