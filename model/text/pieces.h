// SPDX-License-Identifier: Apache-2.0
//
// Subword pieces: text cut into the pieces of a vocabulary that spm_train made.
// Pieces and their scores are stored as text; cutting and joining are our own
// code, and agree with spm_encode and spm_decode.

#ifndef CAROUSEL_MODEL_TEXT_PIECES_H_
#define CAROUSEL_MODEL_TEXT_PIECES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/text/vocabulary.h"

namespace carousel {

enum class PieceAlgorithm {
  // The cut with the largest sum of scores, which are log-probabilities (Kudo
  // 2018).
  kUnigram,

  // From single characters on, the neighbours that make the piece with the
  // largest score are joined, until no two make one (Sennrich et al. 2016).
  kBpe,
};

// "unigram", "bpe". INVALID_ARGUMENT, listing the names, for any other.
absl::StatusOr<PieceAlgorithm> ParsePieceAlgorithm(absl::string_view name);
absl::string_view PieceAlgorithmName(PieceAlgorithm algorithm);

// The text that pieces are cut from: spaces at the ends dropped, each run of
// others, and the beginning, marked by U+2581 ("a b" -> "▁a▁b"); nothing for a
// text of spaces. This is what spm_train does with
// normalization_rule_name=identity, but that a U+2581 of the text counts as a
// space, where it would keep runs of them. Normalise (normalise.h) comes before
// it, in training and ever after.
struct MarkedText {
  std::string text;

  // Where each byte of `text` comes from, and last the end: text.size() + 1.
  std::vector<size_t> origins;
};
MarkedText MarkSpaces(absl::string_view line);

// What cuts: scores, and an index of the pieces. Immutable, so thread-safe;
// cheap to copy.
class Pieces {
 public:
  // `scores`: one for each token of `vocabulary`, those of the special tokens
  // are not used. INVALID_ARGUMENT, with the line number (id + 1), for a score
  // that is not a finite number, or if their numbers differ.
  static absl::StatusOr<Pieces> Create(PieceAlgorithm algorithm,
                                       const Vocabulary& vocabulary,
                                       std::vector<float> scores);

  struct Piece {
    int32_t id = 0;
    // Bytes [begin, end) of the marked text.
    size_t begin = 0;
    size_t end = 0;
  };

  // Cuts a marked text. A run of characters that no piece holds is one <unk>.
  // REQUIRES: valid UTF-8.
  std::vector<Piece> Cut(absl::string_view marked) const;

  PieceAlgorithm algorithm() const;
  absl::Span<const float> scores() const;

 private:
  struct Rep;
  explicit Pieces(std::shared_ptr<const Rep> rep);
  std::vector<Piece> CutUnigram(absl::string_view marked) const;
  std::vector<Piece> CutBpe(absl::string_view marked) const;

  std::shared_ptr<const Rep> rep_;
};

struct PieceVocabulary {
  Vocabulary vocabulary;
  Pieces pieces;
};

// vocabulary.txt of a subword tokenizer: piece<TAB>score, as spm_train writes
// it; the special tokens are the first three lines, and instead of a score of
// <unk> stands the algorithm's name. INVALID_ARGUMENT with the line number if
// it is not that.
absl::StatusOr<PieceVocabulary> ParsePieces(absl::string_view content);
std::string SerialisePieces(const Vocabulary& vocabulary, const Pieces& pieces);

// The text of pieces: joined, the marks spaces again; as long as there is no
// text yet, a piece loses the mark that it begins with, as in spm_decode. <unk>
// is " ⁇ ", other special tokens are nothing. REQUIRES: ids of `vocabulary`.
std::string JoinPieces(const Vocabulary& vocabulary,
                       absl::Span<const int32_t> ids);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TEXT_PIECES_H_
