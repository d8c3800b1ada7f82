// SPDX-License-Identifier: Apache-2.0

#include "model/text/pieces.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

constexpr absl::string_view kMark = "\u2581";

// What a character that is in no piece scores, below the least of the pieces:
// enough that a cut without it is always better.
constexpr float kUnknownPenalty = 10;

constexpr absl::string_view kUnknownText = " \u2047 ";

// Ids below are special tokens.
int32_t FirstPiece() {
  return static_cast<int32_t>(Vocabulary::SpecialTokens().size());
}

// Bytes of the character that begins with `lead`, in valid UTF-8.
size_t CharacterSize(char lead) {
  const uint8_t byte = static_cast<uint8_t>(lead);
  if (byte < 0xC0) return 1;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 3 : 4;
}

// Finds all pieces that a text begins with in one walk.
class Trie {
 public:
  static constexpr int32_t kNone = -1;

  void Insert(absl::string_view piece, int32_t id) {
    int32_t node = 0;
    for (const char c : piece) {
      const auto [child, is_new] =
          children_.emplace(KeyOf(node, c), static_cast<int32_t>(ids_.size()));
      if (is_new) ids_.push_back(kNone);
      node = child->second;
    }
    ids_[node] = id;
  }

  // Calls `found(id, length)` for each piece that `text` begins with, the
  // shortest first.
  template <typename Found>
  void ForEachPrefix(absl::string_view text, Found found) const {
    int32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto child = children_.find(KeyOf(node, text[i]));
      if (child == children_.end()) return;
      node = child->second;
      if (ids_[node] != kNone) found(ids_[node], i + 1);
    }
  }

  int32_t Find(absl::string_view piece) const {
    int32_t result = kNone;
    ForEachPrefix(piece, [&](int32_t id, size_t length) {
      if (length == piece.size()) result = id;
    });
    return result;
  }

 private:
  static uint64_t KeyOf(int32_t node, char c) {
    return (static_cast<uint64_t>(node) << 8) | static_cast<uint8_t>(c);
  }

  absl::flat_hash_map<uint64_t, int32_t> children_;  // (node, byte) -> node
  std::vector<int32_t> ids_ = {kNone};               // node -> piece
};

absl::Status ErrorAtLine(size_t line, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("pieces, line ", line, ": ", what));
}

// Appends a piece; unknown characters in a row are one.
void Append(const Pieces::Piece& piece, std::vector<Pieces::Piece>* pieces) {
  if (!pieces->empty() && piece.id == Vocabulary::kUnknown &&
      pieces->back().id == Vocabulary::kUnknown) {
    pieces->back().end = piece.end;
    return;
  }
  pieces->push_back(piece);
}

}  // namespace

struct Pieces::Rep {
  PieceAlgorithm algorithm;
  std::vector<float> scores;  // by id
  float unknown_score = 0;    // of a character that no piece holds
  Trie trie;                  // of all but the special tokens
};

Pieces::Pieces(std::shared_ptr<const Rep> rep) : rep_(std::move(rep)) {}

PieceAlgorithm Pieces::algorithm() const { return rep_->algorithm; }

absl::Span<const float> Pieces::scores() const { return rep_->scores; }

absl::StatusOr<PieceAlgorithm> ParsePieceAlgorithm(absl::string_view name) {
  for (auto algorithm : {PieceAlgorithm::kUnigram, PieceAlgorithm::kBpe}) {
    if (name == PieceAlgorithmName(algorithm)) return algorithm;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "subword algorithm: expected \"unigram\" or \"bpe\", found \"", name,
      "\""));
}

absl::string_view PieceAlgorithmName(PieceAlgorithm algorithm) {
  return algorithm == PieceAlgorithm::kUnigram ? "unigram" : "bpe";
}

MarkedText MarkSpaces(absl::string_view line) {
  MarkedText marked;
  bool after_space = true;  // so that the beginning is marked
  size_t space = 0;         // where the run of spaces begins
  size_t end = 0;           // of the last character that is no space
  for (size_t i = 0; i < line.size();) {
    const bool is_mark = absl::StartsWith(line.substr(i), kMark);
    if (is_mark || line[i] == ' ') {
      if (!after_space) space = i;
      after_space = true;
      i += is_mark ? kMark.size() : 1;
      continue;
    }
    if (after_space) {
      marked.text.append(kMark.data(), kMark.size());
      marked.origins.insert(marked.origins.end(), kMark.size(), space);
      after_space = false;
    }
    marked.origins.push_back(i);
    marked.text += line[i++];
    end = i;
  }
  marked.origins.push_back(end);
  return marked;
}

absl::StatusOr<Pieces> Pieces::Create(PieceAlgorithm algorithm,
                                      const Vocabulary& vocabulary,
                                      std::vector<float> scores) {
  if (static_cast<int>(scores.size()) != vocabulary.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("pieces: expected ", vocabulary.size(),
                     " scores, one a token, found ", scores.size()));
  }
  auto rep = std::make_shared<Rep>();
  rep->algorithm = algorithm;
  float least = 0;
  for (int32_t id = FirstPiece(); id < vocabulary.size(); ++id) {
    const float score = scores[static_cast<size_t>(id)];
    if (!std::isfinite(score)) {
      return ErrorAtLine(
          static_cast<size_t>(id) + 1,
          absl::StrCat("expected a finite score, found ", score));
    }
    least = id == FirstPiece() ? score : std::min(least, score);
    rep->trie.Insert(vocabulary.token(id), id);
  }
  rep->unknown_score = least - kUnknownPenalty;
  rep->scores = std::move(scores);
  return Pieces(std::move(rep));
}

absl::StatusOr<PieceVocabulary> ParsePieces(absl::string_view content) {
  absl::ConsumeSuffix(&content, "\n");
  PieceAlgorithm algorithm = PieceAlgorithm::kUnigram;
  std::vector<std::string> tokens;
  std::vector<float> scores;
  for (const absl::string_view line : absl::StrSplit(content, '\n')) {
    const size_t number = tokens.size() + 1;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('\t', 1));
    float score = 0;
    if (number == 1) {
      const auto parsed = ParsePieceAlgorithm(parts.second);
      if (!parsed.ok()) return ErrorAtLine(number, parsed.status().message());
      algorithm = *parsed;
    } else if (!absl::SimpleAtof(parts.second, &score)) {
      return ErrorAtLine(
          number,
          absl::StrCat("expected piece<TAB>score, found \"", line, "\""));
    }
    tokens.emplace_back(parts.first);
    scores.push_back(score);
  }
  ASSIGN_OR_RETURN(Vocabulary vocabulary,
                   Vocabulary::Create(std::move(tokens)));
  ASSIGN_OR_RETURN(Pieces pieces,
                   Pieces::Create(algorithm, vocabulary, std::move(scores)));
  return PieceVocabulary{std::move(vocabulary), std::move(pieces)};
}

std::string SerialisePieces(const Vocabulary& vocabulary,
                            const Pieces& pieces) {
  std::string content = absl::StrCat(
      vocabulary.token(0), "\t", PieceAlgorithmName(pieces.algorithm()), "\n");
  for (int32_t id = 1; id < vocabulary.size(); ++id) {
    // Nine digits give back every float.
    absl::StrAppendFormat(&content, "%s\t%.9g\n", vocabulary.token(id),
                          pieces.scores()[static_cast<size_t>(id)]);
  }
  return content;
}

std::vector<Pieces::Piece> Pieces::Cut(absl::string_view marked) const {
  return rep_->algorithm == PieceAlgorithm::kUnigram ? CutUnigram(marked)
                                                     : CutBpe(marked);
}

// Viterbi: best(end) = max over pieces (begin, end) of best(begin) + score, and
// the piece that begins first among equals. As in spm_encode the sum is double
// and what it is compared with was rounded to f32, so that sums that are equal
// but for rounding are not always equal; for <unk> both are f32.
std::vector<Pieces::Piece> Pieces::CutUnigram(absl::string_view marked) const {
  struct Best {
    float score = 0;
    int32_t id = Trie::kNone;  // of the last piece
    size_t begin = 0;          // where it begins
  };
  std::vector<Best> best(marked.size() + 1);
  const auto offer = [&](size_t begin, size_t end, int32_t id, auto sum) {
    if (best[end].id != Trie::kNone && sum <= best[end].score) return;
    best[end] = {static_cast<float>(sum), id, begin};
  };
  for (size_t i = 0; i < marked.size();) {
    const size_t next = std::min(marked.size(), i + CharacterSize(marked[i]));
    bool is_known = false;
    rep_->trie.ForEachPrefix(marked.substr(i), [&](int32_t id, size_t length) {
      is_known = is_known || i + length == next;
      offer(i, i + length, id,
            double{best[i].score} + rep_->scores[static_cast<size_t>(id)]);
    });
    if (!is_known) {
      offer(i, next, Vocabulary::kUnknown, best[i].score + rep_->unknown_score);
    }
    i = next;
  }
  std::vector<Piece> backwards;
  for (size_t end = marked.size(); end > 0; end = best[end].begin) {
    backwards.push_back({best[end].id, best[end].begin, end});
  }
  std::vector<Piece> pieces;
  for (auto piece = backwards.rbegin(); piece != backwards.rend(); ++piece) {
    Append(*piece, &pieces);
  }
  return pieces;
}

namespace {

// The symbols of a text, neighbours joined one pair after the other.
class PairJoiner {
 public:
  PairJoiner(absl::string_view text, const Trie& trie,
             const std::vector<float>& scores)
      : text_(text), trie_(trie), scores_(scores) {
    for (size_t i = 0; i < text.size();) {
      const size_t size = std::min(text.size() - i, CharacterSize(text[i]));
      const int index = static_cast<int>(symbols_.size());
      symbols_.push_back({i, i + size, index - 1, index + 1});
      i += size;
    }
    for (int i = 1; i < static_cast<int>(symbols_.size()); ++i) Offer(i - 1, i);
  }

  // Until no two neighbours make a piece.
  void Join() {
    while (!pairs_.empty()) {
      const Pair pair = pairs_.top();
      pairs_.pop();
      Symbol& left = symbols_[pair.left];
      Symbol& right = symbols_[pair.right];
      // One of them was joined with another since.
      if (left.begin == left.end || right.begin == right.end) continue;
      if (right.end - left.begin != pair.size) continue;
      left.end = right.end;
      left.next = right.next;
      right.end = right.begin;  // empty: gone
      Offer(left.previous, pair.left);
      if (left.next < static_cast<int>(symbols_.size())) {
        symbols_[left.next].previous = pair.left;
        Offer(pair.left, left.next);
      }
    }
  }

  // Calls `use(begin, end)` for each symbol that is left, in order.
  template <typename Use>
  void ForEach(Use use) const {
    for (const Symbol& symbol : symbols_) {
      if (symbol.begin < symbol.end) use(symbol.begin, symbol.end);
    }
  }

 private:
  struct Symbol {
    size_t begin;
    size_t end;
    int previous;  // -1: none
    int next;      // symbols_.size(): none
  };

  // Neighbours that make a piece of `size` bytes.
  struct Pair {
    float score;
    int left;
    int right;
    size_t size;

    // The largest score first, of equal ones the leftmost.
    bool operator<(const Pair& other) const {
      return score != other.score ? score < other.score : left > other.left;
    }
  };

  void Offer(int left, int right) {
    if (left < 0 || right >= static_cast<int>(symbols_.size())) return;
    const size_t begin = symbols_[left].begin;
    const size_t size = symbols_[right].end - begin;
    const int32_t id = trie_.Find(text_.substr(begin, size));
    if (id == Trie::kNone) return;
    pairs_.push({scores_[static_cast<size_t>(id)], left, right, size});
  }

  const absl::string_view text_;
  const Trie& trie_;
  const std::vector<float>& scores_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Pair> pairs_;
};

}  // namespace

std::vector<Pieces::Piece> Pieces::CutBpe(absl::string_view marked) const {
  PairJoiner joiner(marked, rep_->trie, rep_->scores);
  joiner.Join();
  std::vector<Piece> pieces;
  joiner.ForEach([&](size_t begin, size_t end) {
    const int32_t id = rep_->trie.Find(marked.substr(begin, end - begin));
    Append({id == Trie::kNone ? Vocabulary::kUnknown : id, begin, end},
           &pieces);
  });
  return pieces;
}

std::string JoinPieces(const Vocabulary& vocabulary,
                       absl::Span<const int32_t> ids) {
  std::string text;
  for (const int32_t id : ids) {
    if (id == Vocabulary::kUnknown) {
      text.append(kUnknownText.data(), kUnknownText.size());
    } else if (id >= FirstPiece()) {
      absl::string_view piece = vocabulary.token(id);
      // The mark of the beginning, and of every piece that was nothing else.
      if (text.empty()) absl::ConsumePrefix(&piece, kMark);
      absl::StrAppend(&text, absl::StrReplaceAll(piece, {{kMark, " "}}));
    }
  }
  return text;
}

}  // namespace carousel
