// SPDX-License-Identifier: Apache-2.0
//
// From the attention that tokens of a translation paid to tokens of its source
// to words and words. Pure functions.

#ifndef CAROUSEL_MODEL_TASKS_WORD_ALIGNMENT_H_
#define CAROUSEL_MODEL_TASKS_WORD_ALIGNMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/text/byte_range.h"
#include "model/text/tokenizer.h"
#include "model/text/whole_text.h"

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

// A word of a translation: the place in its text, and its tokens.
struct TargetWord {
  ByteRange place;
  size_t first = 0;
  size_t count = 1;
};

// The words of `text`, of which the first ends[t] bytes were made of tokens
// [0, t]. A word ends before white space, and before and behind a mark; tokens
// that add nothing to the text belong to the word before.
std::vector<TargetWord> WordsOfTarget(absl::string_view text,
                                      absl::Span<const size_t> ends);

// `attention` (tokens, S'): a row for each token of the translation; the last
// of the S' positions is the end of the source.
WordAlignment AlignWords(absl::Span<const WholeTextWord> source,
                         absl::Span<const TargetWord> target,
                         absl::Span<const std::vector<float>> attention);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_WORD_ALIGNMENT_H_
