// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/keystrokes.h"

#include <unicode/stringpiece.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "model/base/status_macros.h"
#include "model/text/normalise.h"

namespace carousel {
namespace {

// Byte offsets of the code points around `offset`.
size_t NextBoundary(absl::string_view text, size_t offset) {
  do {
    ++offset;
  } while (offset < text.size() && U8_IS_TRAIL(text[offset]));
  return offset;
}
size_t PreviousBoundary(absl::string_view text, size_t offset) {
  do {
    --offset;
  } while (offset > 0 && U8_IS_TRAIL(text[offset]));
  return offset;
}

// Unicode's punctuation, and ASCII's: "+" and "$" are symbols to Unicode.
bool IsPunctuation(absl::string_view character) {
  if (character.size() == 1) return absl::ascii_ispunct(character[0]);
  const icu::StringPiece bytes(character.data(),
                               static_cast<int32_t>(character.size()));
  return u_ispunct(icu::UnicodeString::fromUTF8(bytes).char32At(0));
}

// Where the punctuation at the end of the word [begin, end) begins.
size_t WantedEnd(absl::string_view line, size_t begin, size_t end) {
  while (end > begin) {
    const size_t last = PreviousBoundary(line, end);
    if (!IsPunctuation(line.substr(last, end - last))) break;
    end = last;
  }
  return end;
}

// Whether `suggestion` turns `text` into `wanted`.
bool Gives(const Suggestion& suggestion, absl::string_view text,
           absl::string_view wanted) {
  size_t kept = text.size();
  for (int i = 0; i < suggestion.replace && kept > 0; ++i) {
    kept = PreviousBoundary(text, kept);
  }
  return absl::ConsumePrefix(&wanted, text.substr(0, kept)) &&
         wanted == suggestion.insert;
}

}  // namespace

absl::StatusOr<KeystrokeCount> CountKeystrokes(
    absl::string_view line,
    absl::FunctionRef<
        absl::StatusOr<std::vector<Suggestion>>(absl::string_view text)>
        suggest) {
  line = absl::StripAsciiWhitespace(line);
  KeystrokeCount count;
  count.characters = CountCodePoints(line);
  size_t cursor = 0;
  while (cursor < line.size()) {
    const size_t end = std::min(line.find(' ', cursor), line.size());
    const size_t wanted_end = WantedEnd(line, cursor, end);
    bool taken = false;
    while (cursor < wanted_end && !taken) {
      const absl::string_view text = line.substr(0, cursor);
      ASSIGN_OR_RETURN(const auto suggestions, suggest(text));
      taken = std::any_of(suggestions.begin(), suggestions.end(),
                          [&](const Suggestion& s) {
                            return Gives(s, text, line.substr(0, wanted_end));
                          });
      cursor = taken ? wanted_end : NextBoundary(line, cursor);
      ++count.keystrokes;
    }
    count.keystrokes += CountCodePoints(line.substr(cursor, end - cursor));
    // The space: taken along with the word, unless punctuation took it back.
    const bool has_space = taken && cursor == end;
    if (end < line.size() && !has_space) ++count.keystrokes;
    cursor = end + 1;
  }
  return count;
}

}  // namespace carousel
