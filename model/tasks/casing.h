// SPDX-License-Identifier: Apache-2.0
//
// How a suggested word is spelt where it will stand: the casing of what is
// typed of it, of the sentence's start, of the way this person types. Pure
// functions on normalised text.

#ifndef CAROUSEL_MODEL_TASKS_CASING_H_
#define CAROUSEL_MODEL_TASKS_CASING_H_

#include <string>

#include "absl/strings/string_view.h"

namespace carousel {

// How the words of a line are written so far.
enum class LineCasing {
  kUsual,  // capitals where they belong, or too few words to tell
  kLower,  // three words or more, and no capital letter
  kUpper,  // two words or more in capitals (of two letters at least), no other
};
LineCasing LineCasingOf(absl::string_view line);

// Whether a word typed after `before` opens a sentence: nothing stands before
// it but opening marks, or a full stop, exclamation or question mark and a
// space. Not after "..." and abbreviations with a full stop inside ("e.g. ").
bool OpensSentence(absl::string_view before);

// Where a word will stand.
struct WordPlace {
  bool opens_sentence = false;
  LineCasing line = LineCasing::kUsual;
};
WordPlace PlaceAfter(absl::string_view before);

// `word`, of which nothing is typed yet. A word with capitals of its own
// ("iPhone") keeps them at the start of a sentence.
std::string SpellNextWord(absl::string_view word, const WordPlace& place);

// `word`, of which `typed` is typed already: "hel" leaves it as it is, "Hel"
// gives a capital, "HEL" gives capitals, "McDo" is kept and continued.
std::string SpellCompletion(absl::string_view word, absl::string_view typed,
                            const WordPlace& place);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_CASING_H_
