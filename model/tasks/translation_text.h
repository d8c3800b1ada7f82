// SPDX-License-Identifier: Apache-2.0
//
// From the tokens of a translation to its text. Pure functions.

#ifndef CAROUSEL_MODEL_TASKS_TRANSLATION_TEXT_H_
#define CAROUSEL_MODEL_TASKS_TRANSLATION_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/text/tokenizer.h"

namespace carousel {

// A source text with its words, for what is carried over to the translation.
struct SourceWords {
  std::vector<int32_t> tokens;     // without <eos>
  std::vector<std::string> words;  // as they are written; as many
};

// INVALID_ARGUMENT if the text is not valid UTF-8.
absl::StatusOr<SourceWords> ReadSourceWords(const Tokenizer& tokenizer,
                                            absl::string_view text);

// Which word of the source each target token was made from: where it looked
// most (Luong et al. 2015, section 4.2). A <num> is made from a <num> of the
// source, if there is one, and each from another as far as they go. -1: none.
//
// `attention` (T, S'): a row for each of `tokens`; S' may count an <eos>, which
// no word is. Empty: unknown words and numbers are taken in turn.
std::vector<int> AlignTokens(absl::Span<const int32_t> tokens,
                             const SourceWords& source,
                             absl::Span<const std::vector<float>> attention);

// The text of `tokens`, a target sentence in the vocabulary of `tokenizer`.
// Where tokens are words, <unk> and <num> become the source's word at their
// place in `alignment`, as AlignTokens gives it; without one, nothing.
std::string TargetText(const Tokenizer& tokenizer,
                       absl::Span<const int32_t> tokens,
                       const SourceWords& source,
                       absl::Span<const int> alignment);

// Words and marks as they are written in English and French: no space before
// ",", after "(", around "-", and inside quotation marks.
std::string JoinWords(absl::Span<const std::string> words);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_TRANSLATION_TEXT_H_
