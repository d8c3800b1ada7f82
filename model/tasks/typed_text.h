// SPDX-License-Identifier: Apache-2.0
//
// What the text left of a cursor asks for: a next word, the rest of a word, or
// nothing; and the tokens that stand before it.

#ifndef CAROUSEL_MODEL_TASKS_TYPED_TEXT_H_
#define CAROUSEL_MODEL_TASKS_TYPED_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/text/tokenizer.h"

namespace carousel {

// Offsets are bytes of `line`. Reading from the left, the line is
//
//   I know a well-kn
//          |    ||  |
//          |    ||  line.size()
//          |    |partial_begin: the partial word, looked up in the vocabulary
//          word_begin: the word as it will stand in the text
struct TypedText {
  enum class Wish {
    kNextWord,    // no letter of it is typed; the partial word is empty
    kRestOfWord,  // the partial word is not empty, nor is `range`
    kNothing,     // a number, an address, or a word that is not known
  };
  Wish wish = Wish::kNextWord;

  std::string line;  // normalised, since the last newline
  size_t word_begin = 0;
  size_t partial_begin = 0;

  // The words that begin with the partial word; every token for kNextWord.
  RankRange range;

  // kNextWord: whether a space must come before it ("can.").
  bool needs_space = false;

  // What stands before the partial word, without <eos>.
  std::vector<int32_t> context;

  // Code points of the partial word in the text as it was given, where an
  // accent may be a code point of its own.
  int partial_code_points = 0;

  // The text has typographic apostrophes, so they are what this person wants.
  bool curly_apostrophes = false;

  absl::string_view before() const {
    return absl::string_view(line).substr(0, partial_begin);
  }
  absl::string_view partial() const {
    return absl::string_view(line).substr(partial_begin);
  }
  // What of the word stands before the partial word: "well-".
  absl::string_view word_head() const {
    return absl::string_view(line).substr(word_begin,
                                          partial_begin - word_begin);
  }
};

// <eos> and at most `limit` tokens of `context`. The oldest are cut in steps of
// a quarter of the limit: were each new token to push out one, no query would
// begin with the tokens of the one before, and no state could be used again.
// REQUIRES: limit >= 1.
std::vector<int32_t> LatestTokens(absl::Span<const int32_t> context, int limit);

// INVALID_ARGUMENT, with the offset, if `text` is not valid UTF-8.
absl::StatusOr<TypedText> ReadTypedText(const Tokenizer& tokenizer,
                                        absl::string_view text);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_TYPED_TEXT_H_
