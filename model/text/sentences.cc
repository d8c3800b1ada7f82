// SPDX-License-Identifier: Apache-2.0

#include "model/text/sentences.h"

#include <unicode/brkiter.h>
#include <unicode/filteredbrk.h>
#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>

#include "model/base/check.h"
#include "model/text/code_points.h"

namespace carousel {
namespace {

// Abbreviations before a capital that ICU's data for English lack.
constexpr const char16_t* kAbbreviations[] = {u"Dr.", u"Mr.",  u"Mrs.", u"Ms.",
                                              u"St.", u"e.g.", u"i.e.", u"vs."};

// Rules that know abbreviations.
const icu::BreakIterator* MakePrototype() {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Locale english = icu::Locale::getEnglish();
  std::unique_ptr<icu::BreakIterator> rules(
      icu::BreakIterator::createSentenceInstance(english, error));
  const std::unique_ptr<icu::FilteredBreakIteratorBuilder> builder(
      icu::FilteredBreakIteratorBuilder::createInstance(english, error));
  CAROUSEL_CHECK(U_SUCCESS(error));
  for (const char16_t* abbreviation : kAbbreviations) {
    builder->suppressBreakAfter(abbreviation, error);
  }
  auto* made = builder->wrapIteratorWithFilter(rules.release(), error);
  CAROUSEL_CHECK(U_SUCCESS(error));
  return made;
}

// Building an iterator reads ICU's data; cloning is cheap. An iterator is not
// thread-safe, so every thread clones its own.
icu::BreakIterator& ThreadsBreakIterator() {
  static const icu::BreakIterator* const prototype = MakePrototype();
  thread_local const std::unique_ptr<icu::BreakIterator> iterator(
      prototype->clone());
  return *iterator;
}

bool IsSpace(UChar32 c) { return u_isUWhiteSpace(c); }

// A comma, a dash, a bracket.
bool IsMark(UChar32 c) { return u_ispunct(c); }

// Where `text` may be cut, and how well.
struct Cut {
  size_t place = 0;
  int rank = 0;
  size_t distance = 0;  // from the middle

  bool IsBetterThan(const Cut& other) const {
    return rank != other.rank ? rank > other.rank : distance < other.distance;
  }
};

// The place within `range`, and not at its ends; its end if there is none.
size_t MiddleCut(absl::string_view text, ByteRange range) {
  const size_t middle = range.begin + range.size() / 2;
  const size_t quarter = range.size() / 4;
  Cut best = {.place = range.end, .rank = -1};
  UChar32 before_last = 0, last = 0;
  for (size_t i = range.begin; i < range.end;) {
    before_last = last;
    last = NextCodePoint(text, &i);
    if (i >= range.end) break;
    const size_t distance = i > middle ? i - middle : middle - i;
    // A mark at the edge of a text is worth less than a space in its middle.
    const bool behind_mark = IsMark(before_last) && distance <= quarter;
    const Cut cut = {i, !IsSpace(last) ? 0 : behind_mark ? 2 : 1, distance};
    if (cut.IsBetterThan(best)) best = cut;
  }
  return best.place;
}

}  // namespace

// ICU counts in UTF-16, the abbreviations know no other text.
std::vector<ByteRange> SplitSentences(absl::string_view text) {
  const icu::UnicodeString wide =
      icu::UnicodeString::fromUTF8(ToStringPiece(text));
  icu::BreakIterator& iterator = ThreadsBreakIterator();
  iterator.setText(wide);
  iterator.first();
  std::vector<ByteRange> sentences;
  size_t begin = 0;
  size_t at = 0;
  int32_t units = 0;
  for (int32_t end = iterator.next(); end != icu::BreakIterator::DONE;
       end = iterator.next()) {
    while (units < end) units += U16_LENGTH(NextCodePoint(text, &at));
    const ByteRange sentence = Trim(text, {begin, at});
    if (!sentence.empty()) sentences.push_back(sentence);
    begin = at;
  }
  return sentences;
}

std::vector<ByteRange> Halves(absl::string_view text, ByteRange range) {
  std::vector<ByteRange> halves;
  const size_t cut = MiddleCut(text, range);
  if (cut == range.end) return halves;
  for (const ByteRange side :
       {ByteRange{range.begin, cut}, ByteRange{cut, range.end}}) {
    const ByteRange half = Trim(text, side);
    if (!half.empty()) halves.push_back(half);
  }
  return halves;
}

ByteRange Trim(absl::string_view text, ByteRange range) {
  std::optional<size_t> begin;
  size_t end = range.begin;
  for (size_t i = range.begin; i < range.end;) {
    const size_t at = i;
    if (IsSpace(NextCodePoint(text, &i))) continue;
    if (!begin.has_value()) begin = at;
    end = i;
  }
  return {begin.value_or(range.begin), end};
}

}  // namespace carousel
