// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/casing.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "model/text/normalise.h"

namespace carousel {
namespace {

constexpr int kWordsThatShowLowerCase = 3;
constexpr int kWordsThatShowUpperCase = 2;

bool HasCasedLetter(absl::string_view text) {
  return ToLower(text) != ToUpper(text);
}

// The last run of bytes without a space.
absl::string_view LastChunk(absl::string_view text) {
  const size_t space = text.rfind(' ');
  return space == text.npos ? text : text.substr(space + 1);
}

}  // namespace

LineCasing LineCasingOf(absl::string_view line) {
  const bool all_lower = ToLower(line) == line;
  if (!all_lower && ToUpper(line) != line) return LineCasing::kUsual;
  int words = 0;
  for (absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
    const bool counts =
        all_lower ? HasCasedLetter(word) : CasingOf(word) == Casing::kUpper;
    words += counts ? 1 : 0;
  }
  if (all_lower) {
    return words >= kWordsThatShowLowerCase ? LineCasing::kLower
                                            : LineCasing::kUsual;
  }
  return words >= kWordsThatShowUpperCase ? LineCasing::kUpper
                                          : LineCasing::kUsual;
}

bool OpensSentence(absl::string_view before) {
  const size_t last = before.find_last_not_of("([{\"'");
  before = before.substr(0, last == before.npos ? 0 : last + 1);
  const absl::string_view text = absl::StripTrailingAsciiWhitespace(before);
  if (text.empty()) return true;
  if (text.size() == before.size()) return false;  // no space after the mark
  if (text.back() == '!' || text.back() == '?') return true;
  absl::string_view chunk = LastChunk(text);
  return absl::ConsumeSuffix(&chunk, ".") && !absl::StrContains(chunk, '.');
}

WordPlace PlaceAfter(absl::string_view before) {
  return {OpensSentence(before), LineCasingOf(before)};
}

std::string SpellNextWord(absl::string_view word, const WordPlace& place) {
  if (place.line == LineCasing::kUpper) return ToUpper(word);
  if (place.opens_sentence && place.line != LineCasing::kLower &&
      CasingOf(word) == Casing::kLower) {
    return ToTitle(word);
  }
  return std::string(word);
}

std::string SpellCompletion(absl::string_view word, absl::string_view typed,
                            const WordPlace& place) {
  const Casing casing = CasingOf(typed);
  if (place.line == LineCasing::kUpper && casing == Casing::kTitle &&
      ToUpper(typed) == typed) {
    return ToUpper(word);  // one capital of a word in capitals
  }
  if (absl::StartsWith(word, typed)) return std::string(word);
  switch (casing) {
    case Casing::kLower:
      return std::string(word);
    case Casing::kTitle:
      return CasingOf(word) == Casing::kLower ? ToTitle(word)
                                              : std::string(word);
    case Casing::kUpper:
      return ToUpper(word);
    case Casing::kMixed:
      break;
  }
  const std::string lower = ToLower(word);
  const std::string lower_typed = ToLower(typed);
  if (!absl::StartsWith(lower, lower_typed)) return std::string(word);
  return absl::StrCat(typed, lower.substr(lower_typed.size()));
}

}  // namespace carousel
