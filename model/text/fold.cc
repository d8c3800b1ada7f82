// SPDX-License-Identifier: Apache-2.0
//
// Letter case and the comparison form; the other half of normalise.h.

#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "model/base/check.h"
#include "model/text/code_points.h"
#include "model/text/normalise.h"

namespace carousel {
namespace {

// Language-neutral: the result must not depend on the server's locale.
constexpr char kRootLocale[] = "";

// The block of combining diacritical marks: the accents of Latin, Greek and
// Cyrillic. Vowel signs of other scripts carry meaning and stay.
bool IsAccent(UChar32 c) { return c >= 0x300 && c <= 0x36F; }

void AppendFolded(UChar32 c, std::string* out) {
  UErrorCode error = U_ZERO_ERROR;
  static const icu::Normalizer2* const nfkd =
      icu::Normalizer2::getNFKDInstance(error);
  CAROUSEL_CHECK(nfkd != nullptr);
  icu::UnicodeString parts;
  if (!nfkd->getDecomposition(c, parts)) parts = icu::UnicodeString(c);
  icu::UnicodeString kept;
  for (int32_t i = 0; i < parts.length(); i = parts.moveIndex32(i, 1)) {
    const UChar32 part = parts.char32At(i);
    const bool apostrophe = part == 0x2BC || (part >= 0x2018 && part <= 0x201B);
    if (!IsAccent(part)) kept.append(apostrophe ? UChar32{'\''} : part);
  }
  kept.foldCase().toUTF8String(*out);
}

}  // namespace

// Works code point by code point, so that the fold of a prefix is a prefix.
std::string Fold(absl::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const UChar32 c = NextCodePoint(text, &i);
    if (c >= 0x80) {
      AppendFolded(c, &result);
    } else if (c >= 0) {
      result += absl::ascii_tolower(static_cast<unsigned char>(c));
    }
  }
  return result;
}

Casing CasingOf(absl::string_view text) {
  int letters = 0;
  int upper = 0;
  bool first_is_upper = false;
  for (size_t i = 0; i < text.size();) {
    const UChar32 c = NextCodePoint(text, &i);
    if (c < 0 || !u_isalpha(c)) continue;
    const bool is_upper = u_isUUppercase(c) || u_istitle(c);
    if (letters == 0) first_is_upper = is_upper;
    ++letters;
    upper += is_upper ? 1 : 0;
  }
  if (upper == 0) return Casing::kLower;
  if (upper == 1 && first_is_upper) return Casing::kTitle;
  return upper == letters ? Casing::kUpper : Casing::kMixed;
}

std::string ToUpper(absl::string_view text) {
  if (IsAscii(text)) return absl::AsciiStrToUpper(text);
  std::string result;
  icu::StringByteSink<std::string> sink(&result);
  UErrorCode error = U_ZERO_ERROR;
  icu::CaseMap::utf8ToUpper(kRootLocale, 0, ToStringPiece(text), sink, nullptr,
                            error);
  CAROUSEL_CHECK(U_SUCCESS(error));
  return result;
}

std::string ToLower(absl::string_view text) {
  if (IsAscii(text)) return absl::AsciiStrToLower(text);
  std::string result;
  icu::StringByteSink<std::string> sink(&result);
  UErrorCode error = U_ZERO_ERROR;
  icu::CaseMap::utf8ToLower(kRootLocale, 0, ToStringPiece(text), sink, nullptr,
                            error);
  CAROUSEL_CHECK(U_SUCCESS(error));
  return result;
}

std::string ToTitle(absl::string_view text) {
  std::string result;
  if (IsAscii(text)) {
    result = std::string(text);
    const auto first =
        std::find_if(result.begin(), result.end(), absl::ascii_isalpha);
    if (first != result.end()) {
      *first = absl::ascii_toupper(static_cast<unsigned char>(*first));
    }
    return result;
  }
  icu::StringByteSink<std::string> sink(&result);
  UErrorCode error = U_ZERO_ERROR;
  icu::CaseMap::utf8ToTitle(kRootLocale,
                            U_TITLECASE_WHOLE_STRING |
                                U_TITLECASE_NO_LOWERCASE |
                                U_TITLECASE_ADJUST_TO_CASED,
                            nullptr, ToStringPiece(text), sink, nullptr, error);
  CAROUSEL_CHECK(U_SUCCESS(error));
  return result;
}

}  // namespace carousel
