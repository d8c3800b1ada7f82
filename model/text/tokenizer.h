// SPDX-License-Identifier: Apache-2.0
//
// Text to tokens. Training, evaluation and serving cut text with this one code.

#ifndef CAROUSEL_MODEL_TEXT_TOKENIZER_H_
#define CAROUSEL_MODEL_TEXT_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/text/pieces.h"
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

  // The pieces of a vocabulary that spm_train made (pieces.h), of normalised
  // text. Nothing is masked, and a word may be several tokens.
  kSubword,
};

// "words", "whitespace", "subword". INVALID_ARGUMENT, listing the names, for
// any other.
absl::StatusOr<TokenizerKind> ParseTokenizerKind(absl::string_view name);
absl::string_view TokenizerKindName(TokenizerKind kind);

// A piece of a line.
struct TextPiece {
  // As the vocabulary would list it: the word itself, or "<num>", "<unk>".
  std::string token;

  // Bytes [begin, end) of the normalised line. (kSubword: the mark of a space
  // is that space; the mark of the beginning takes no bytes.)
  size_t begin = 0;
  size_t end = 0;

  // Whether it is a word for measures that count words: it has a letter or a
  // digit (a mark has none). kWhitespace: every piece, `<unk>` included, that
  // has a letter or a digit. kSubword: the same; part of a word counts as one.
  bool is_word = false;
};

// Cuts `line`, which is normalised (normalise.h; kWhitespace takes any UTF-8),
// into pieces. Thread-safe. REQUIRES: not kSubword, whose pieces depend on a
// vocabulary (Tokenizer::Split).
std::vector<TextPiece> SplitText(TokenizerKind kind, absl::string_view line);

// A vocabulary and the way to cut text for it. Immutable, so thread-safe.
class Tokenizer {
 public:
  // REQUIRES: not kSubword.
  Tokenizer(TokenizerKind kind, Vocabulary vocabulary);

  // kSubword. REQUIRES: `pieces` are those of `vocabulary`.
  Tokenizer(Vocabulary vocabulary, Pieces pieces);

  // Reads vocabulary.txt, or a file like it: one token a line; for kSubword its
  // score behind it (ParsePieces). Errors as ReadFile and Vocabulary::Create,
  // with the path.
  static absl::StatusOr<Tokenizer> Load(TokenizerKind kind,
                                        const std::string& path);

  // The content of the file that Load reads.
  std::string Serialise() const;

  TokenizerKind kind() const { return kind_; }
  const Vocabulary& vocabulary() const { return vocabulary_; }

  // As Vocabulary::NeverOffer.
  void NeverOffer(absl::Span<const std::string> words) {
    vocabulary_.NeverOffer(words);
  }

  // `line` as this tokenizer takes it: normalised, but for kWhitespace.
  // INVALID_ARGUMENT if it is not valid UTF-8.
  absl::StatusOr<std::string> Prepare(absl::string_view line) const;

  // Cuts a prepared line into pieces.
  std::vector<TextPiece> Split(absl::string_view line) const;

  // The id of a piece's token.
  int32_t IdOf(const TextPiece& piece) const;

  // The ids of a line, which is prepared first, without <eos>.
  // INVALID_ARGUMENT if it is not valid UTF-8.
  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view line) const;

  // The text that ids stand for: pieces joined, words with a space between.
  // <eos> is left out. REQUIRES: ids of the vocabulary.
  std::string Decode(absl::Span<const int32_t> ids) const;

 private:
  std::vector<TextPiece> SplitSubwords(absl::string_view line) const;

  TokenizerKind kind_;
  Vocabulary vocabulary_;
  std::optional<Pieces> pieces_;  // kSubword
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TEXT_TOKENIZER_H_
