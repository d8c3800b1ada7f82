// SPDX-License-Identifier: Apache-2.0

#include "model/text/segmentation.h"

#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/utext.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "absl/strings/ascii.h"
#include "model/base/check.h"

namespace carousel {
namespace {

// Building an iterator reads ICU's rules; cloning is cheap. An iterator is not
// thread-safe, so every thread clones its own.
icu::BreakIterator& ThreadsBreakIterator() {
  static const icu::BreakIterator* const prototype = [] {
    UErrorCode error = U_ZERO_ERROR;
    auto* made =
        icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), error);
    CAROUSEL_CHECK(U_SUCCESS(error));
    return made;
  }();
  thread_local const std::unique_ptr<icu::BreakIterator> iterator(
      prototype->clone());
  return *iterator;
}

// Appends the ends in chunk[begin, end).
void AskIcu(absl::string_view chunk, size_t begin, size_t end,
            std::vector<size_t>* ends) {
  if (begin == end) return;
  icu::BreakIterator& iterator = ThreadsBreakIterator();
  UErrorCode error = U_ZERO_ERROR;
  UText text = UTEXT_INITIALIZER;
  utext_openUTF8(&text, chunk.data() + begin, static_cast<int64_t>(end - begin),
                 &error);
  iterator.setText(&text, error);
  CAROUSEL_CHECK(U_SUCCESS(error));
  iterator.first();
  for (int32_t i = iterator.next(); i != icu::BreakIterator::DONE;
       i = iterator.next()) {
    ends->push_back(begin + static_cast<size_t>(i));
  }
  utext_close(&text);
}

// A letter; all of non-ASCII counts as letters.
bool IsLetterByte(char c) {
  return absl::ascii_isalpha(c) || !absl::ascii_isascii(c);
}

// Whether the full stop at `i` ends a sentence whose space was forgotten
// ("perfect.I", "The.Hotel") and does not join an abbreviation ("U.S", "Ph.D").
bool SeparatesWords(absl::string_view chunk, size_t i) {
  constexpr size_t kLongestPart = 2;  // of an abbreviation
  constexpr absl::string_view kEdges = ".:@";
  if (i == 0 || i + 1 == chunk.size()) return false;
  if (!IsLetterByte(chunk[i - 1]) || !IsLetterByte(chunk[i + 1])) return false;
  const size_t before = chunk.substr(0, i).find_last_of(kEdges);
  const size_t begin = before == chunk.npos ? 0 : before + 1;
  const size_t end = std::min(chunk.find_first_of(kEdges, i + 1), chunk.size());
  return i - begin > kLongestPart || end - (i + 1) > kLongestPart;
}

bool StandsAlone(absl::string_view chunk, size_t i) {
  return chunk[i] == ':' || chunk[i] == '@' ||
         (chunk[i] == '.' && SeparatesWords(chunk, i));
}

// Most chunks: Latin letters and perhaps a mark behind them, which UAX #29
// takes for a word (WB5) and one of its own (WB999). It is far cheaper not to
// ask ICU for them.
bool FindPlainWordEnds(absl::string_view chunk, std::vector<size_t>* ends) {
  size_t letters = 0;
  while (letters < chunk.size() && absl::ascii_isalpha(chunk[letters])) {
    ++letters;
  }
  if (letters == 0 || letters + 1 < chunk.size()) return false;
  const bool mark = letters < chunk.size();
  if (mark && (!absl::ascii_ispunct(chunk.back()) || chunk.back() == '_')) {
    return false;
  }
  ends->push_back(letters);
  if (mark) ends->push_back(chunk.size());
  return true;
}

}  // namespace

void FindWordEnds(absl::string_view chunk, std::vector<size_t>* ends) {
  if (FindPlainWordEnds(chunk, ends)) return;
  size_t begin = 0;
  for (size_t i = 0; i < chunk.size(); ++i) {
    if (!StandsAlone(chunk, i)) continue;
    AskIcu(chunk, begin, i, ends);
    ends->push_back(begin = i + 1);
  }
  AskIcu(chunk, begin, chunk.size(), ends);
}

}  // namespace carousel
