// SPDX-License-Identifier: Apache-2.0
//
// From the attention that tokens of a translation paid to tokens of its source
// to words and words. Pure functions.

#ifndef CAROUSEL_MODEL_TASKS_WORD_ALIGNMENT_H_
#define CAROUSEL_MODEL_TASKS_WORD_ALIGNMENT_H_

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/text/byte_range.h"

namespace carousel {

// Which words of the source each word of a translation looked at.
struct WordAlignment {
  std::vector<ByteRange> source;  // S words, places in the source
  std::vector<ByteRange> target;  // T words, places in the translation

  // (T, S + 1): what each word of the translation paid to those of the source,
  // and last to its end; each adds up to 1. That of a word of several tokens is
  // their mean; that to one, their sum.
  std::vector<std::vector<float>> weights;

  bool empty() const { return target.empty(); }
};

// A word of a text: its place there, and its tokens.
struct TokenWord {
  ByteRange place;
  size_t first = 0;
  size_t count = 1;
};

// The words of `text`, whose tokens stand at `places`, perhaps with white space
// around them. A word ends before white space, and before and behind a mark;
// tokens that add nothing to the text belong to the word before, or to the
// first one.
std::vector<TokenWord> WordsOfTokens(absl::string_view text,
                                     absl::Span<const ByteRange> places);

// `attention` (tokens, S'): a row for each token of the translation; the last
// of the S' positions is the end of the source.
WordAlignment AlignWords(absl::Span<const TokenWord> source,
                         absl::Span<const TokenWord> target,
                         absl::Span<const std::vector<float>> attention);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_WORD_ALIGNMENT_H_
