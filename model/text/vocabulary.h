// SPDX-License-Identifier: Apache-2.0
//
// The words that a model knows, numbered, with an index for finding those that
// begin with what a person has typed.

#ifndef CAROUSEL_MODEL_TEXT_VOCABULARY_H_
#define CAROUSEL_MODEL_TEXT_VOCABULARY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace carousel {

// The half-open interval [begin, end) of ranks.
struct RankRange {
  int begin = 0;
  int end = 0;

  int size() const { return end - begin; }
  bool empty() const { return begin == end; }
  bool operator==(const RankRange&) const = default;
};

// Tokens have an id (their line in vocabulary.txt, which is the row of the
// embedding) and a rank (their place in prefix order: sorted by Fold(token),
// then by id, so that case variants are neighbours and the tokens with a common
// prefix are one interval).
//
// Ids 0, 1 and 2 are <unk>, <eos> and <num>: a word that is not known (and what
// must not be learned by heart, as e-mail addresses), the end of a line, and
// anything with a digit in it. They rank before all others.
//
// Immutable, so thread-safe.
class Vocabulary {
 public:
  static constexpr int32_t kUnknown = 0;
  static constexpr int32_t kEndOfLine = 1;
  static constexpr int32_t kNumber = 2;

  // The names of the three special tokens, in the order of their ids.
  static absl::Span<const absl::string_view> SpecialTokens();

  // `tokens` in the order of their ids, the special ones first.
  // INVALID_ARGUMENT, with the line number, for: special tokens missing, an
  // empty or repeated token, invalid UTF-8, ASCII white space in a token.
  static absl::StatusOr<Vocabulary> Create(std::vector<std::string> tokens);

  // One token a line. Errors: as ReadFile and Create, with the path.
  static absl::StatusOr<Vocabulary> Load(const std::string& path);

  // The content of vocabulary.txt.
  std::string Serialise() const;

  int size() const { return static_cast<int>(tokens_.size()); }

  // REQUIRES (these four): 0 <= id < size(), 0 <= rank < size().
  const std::string& token(int32_t id) const;
  const std::string& folded(int32_t id) const;
  int32_t id_at(int rank) const;
  int rank_of(int32_t id) const;

  // All ids in prefix order: prefix_order()[rank] == id_at(rank).
  absl::Span<const int32_t> prefix_order() const { return by_rank_; }

  std::optional<int32_t> Find(absl::string_view token) const;

  // The id of `word`, else of its lower-case or title-case form, else kUnknown.
  int32_t FindIgnoringCase(absl::string_view word) const;

  // The tokens whose folded form begins with `folded_prefix`, never a special
  // token. An empty prefix gives every rank but theirs.
  RankRange PrefixRange(absl::string_view folded_prefix) const;

  // The tokens whose folded form equals `folded`, never a special token.
  RankRange EqualRange(absl::string_view folded) const;

  // The tokens whose folded form equals that of the token at `rank`, a special
  // one included. REQUIRES: as id_at.
  RankRange SameFolded(int rank) const {
    return same_folded_[static_cast<size_t>(rank)];
  }

  // The most tokens that are folded alike.
  int most_alike() const { return most_alike_; }

  // Whether a token may be suggested to a person: letters, with apostrophes,
  // full stops or hyphens inside and perhaps a full stop at the end ("Mr.");
  // never a special token, a digit, a mark, or a lone letter that is no word;
  // nor what NeverOffer names.
  bool may_be_offered(int32_t id) const;

  // None of these words is suggested, in whatever case and with whatever
  // accents it is written. What is no token is passed over.
  void NeverOffer(absl::Span<const std::string> words);

 private:
  explicit Vocabulary(std::vector<std::string> tokens);

  std::vector<std::string> tokens_;     // by id
  std::vector<std::string> folded_;     // by id
  std::vector<int32_t> by_rank_;        // rank -> id
  std::vector<int32_t> rank_;           // id -> rank
  std::vector<RankRange> same_folded_;  // by rank
  int most_alike_ = 1;
  std::vector<bool> may_be_offered_;  // by id
  absl::flat_hash_map<std::string, int32_t> ids_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TEXT_VOCABULARY_H_
