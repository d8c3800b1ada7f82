// SPDX-License-Identifier: Apache-2.0
//
// Text to tokens. Training, evaluation and serving cut text with this one code.

#ifndef CAROUSEL_MODEL_TEXT_TOKENIZER_H_
#define CAROUSEL_MODEL_TEXT_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/text/vocabulary.h"

namespace carousel {

enum class TokenizerKind {
  // Unicode words and single marks (ICU, UAX #29). Anything with a digit is
  // <num>; e-mail addresses and URLs are <unk>; a word that is not in the
  // vocabulary as written is looked up in lower and in title case.
  kWords,

  // What stands between white space, as it stands: for text that is already
  // tokenised (WikiText, Penn Treebank).
  kWhitespace,
};

// "words", "whitespace". INVALID_ARGUMENT, listing the names, for any other.
absl::StatusOr<TokenizerKind> ParseTokenizerKind(absl::string_view name);
absl::string_view TokenizerKindName(TokenizerKind kind);

// A piece of a line.
struct TextPiece {
  // As the vocabulary would list it: the word itself, or "<num>", "<unk>".
  std::string token;

  // Bytes [begin, end) of the normalised line.
  size_t begin = 0;
  size_t end = 0;

  // Whether it is a word for measures that count words: it has a letter or a
  // digit (a mark has none). kWhitespace: every piece, `<unk>` included, that
  // has a letter or a digit.
  bool is_word = false;
};

// Cuts `line`, which is normalised (normalise.h; kWhitespace takes any UTF-8),
// into pieces. Thread-safe.
std::vector<TextPiece> SplitText(TokenizerKind kind, absl::string_view line);

// A vocabulary and the way to cut text for it. Immutable, so thread-safe.
class Tokenizer {
 public:
  Tokenizer(TokenizerKind kind, Vocabulary vocabulary);

  TokenizerKind kind() const { return kind_; }
  const Vocabulary& vocabulary() const { return vocabulary_; }

  // The id of a piece's token.
  int32_t IdOf(const TextPiece& piece) const;

  // The ids of a line, without <eos>. Normalises first (kWords).
  // INVALID_ARGUMENT if it is not valid UTF-8.
  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view line) const;

 private:
  TokenizerKind kind_;
  Vocabulary vocabulary_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TEXT_TOKENIZER_H_
