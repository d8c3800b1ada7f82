// SPDX-License-Identifier: Apache-2.0

#include "model/text/tokenizer.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/text/code_points.h"
#include "model/text/normalise.h"
#include "model/text/segmentation.h"

namespace carousel {
namespace {

constexpr absl::string_view kOpeningMarks = "([{\"'";
constexpr absl::string_view kClosingMarks = ".,;:!?)]}\"'";
constexpr absl::string_view kNumberCharacters = "0123456789-./:,()+";

// Runs of full stops and hyphens are one mark: "...", "--"; longer ones are
// spelt with this many.
constexpr size_t kLongestRun = 3;

struct Content {
  bool has_digit = false;
  bool has_letter = false;
};

Content ContentOf(absl::string_view text) {
  Content content;
  for (size_t i = 0; i < text.size();) {
    const UChar32 c = NextCodePoint(text, &i);
    if (c < 0) continue;
    content.has_digit = content.has_digit || u_isdigit(c);
    content.has_letter = content.has_letter || u_isalpha(c);
  }
  return content;
}

bool IsNumber(absl::string_view text) {
  return text.find_first_not_of(kNumberCharacters) == absl::string_view::npos &&
         std::any_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// A byte of a letter or a digit; all of non-ASCII counts as letters.
bool IsNameByte(char c) {
  return absl::ascii_isalnum(c) || !absl::ascii_isascii(c);
}

// E-mail addresses and URLs: they point at people, and no model should repeat
// them.
bool IsAddress(absl::string_view text) {
  if (absl::StartsWithIgnoreCase(text, "www.")) return true;
  if (absl::StrContains(text, "://")) return true;
  const auto name = std::find_if(text.begin(), text.end(), IsNameByte);
  const auto at = std::find(name, text.end(), '@');
  return std::any_of(at, text.end(), IsNameByte);
}

// Cuts one line into words and marks.
class WordSplitter {
 public:
  explicit WordSplitter(absl::string_view line) : line_(line) {
    pieces_.reserve(line.size() / 5);
  }

  // [begin, end): what stands between white space.
  void AddChunk(size_t begin, size_t end) {
    const absl::string_view chunk = line_.substr(begin, end - begin);
    const size_t first = chunk.find_first_not_of(kOpeningMarks);
    const size_t last = chunk.find_last_not_of(kClosingMarks);
    if (first == chunk.npos || last == chunk.npos || first > last) {
      return AddSegments(begin, end);
    }
    const absl::string_view core = chunk.substr(first, last + 1 - first);
    const bool is_number = IsNumber(core);
    if (!is_number && !IsAddress(core)) return AddSegments(begin, end);
    AddSegments(begin, begin + first);
    AddSpecial(is_number ? Vocabulary::kNumber : Vocabulary::kUnknown,
               begin + first, begin + last + 1);
    AddSegments(begin + last + 1, end);
  }

  std::vector<TextPiece> TakePieces() { return std::move(pieces_); }

 private:
  void AddSegments(size_t begin, size_t end) {
    ends_.clear();
    FindWordEnds(line_.substr(begin, end - begin), &ends_);
    size_t from = begin;
    for (size_t segment_end : ends_) {
      AddSegment(from, begin + segment_end);
      from = begin + segment_end;
    }
  }

  void AddSegment(size_t begin, size_t end) {
    const absl::string_view text = line_.substr(begin, end - begin);
    if (ExtendsRun(text, begin)) {
      TextPiece& run = pieces_.back();
      run.end = end;
      if (run.token.size() < kLongestRun) run.token += text[0];
      return;
    }
    const Content content = ContentOf(text);
    if (content.has_digit) return AddSpecial(Vocabulary::kNumber, begin, end);
    pieces_.push_back({std::string(text), begin, end, content.has_letter});
  }

  bool ExtendsRun(absl::string_view text, size_t begin) const {
    if (text != "." && text != "-") return false;
    return !pieces_.empty() && pieces_.back().end == begin &&
           pieces_.back().token[0] == text[0];
  }

  void AddSpecial(int32_t id, size_t begin, size_t end) {
    pieces_.push_back({std::string(Vocabulary::SpecialTokens()[id]), begin, end,
                       /*is_word=*/true});
  }

  const absl::string_view line_;
  std::vector<TextPiece> pieces_;
  std::vector<size_t> ends_;  // of the segments of one chunk
};

// Calls `add(begin, end)` for what stands between ASCII white space.
template <typename Add>
void ForEachChunk(absl::string_view line, Add add) {
  for (size_t i = 0; i < line.size();) {
    if (absl::ascii_isspace(line[i])) {
      ++i;
      continue;
    }
    const size_t begin = i;
    while (i < line.size() && !absl::ascii_isspace(line[i])) ++i;
    add(begin, i);
  }
}

std::vector<TextPiece> SplitWords(absl::string_view line) {
  WordSplitter splitter(line);
  ForEachChunk(
      line, [&](size_t begin, size_t end) { splitter.AddChunk(begin, end); });
  return splitter.TakePieces();
}

std::vector<TextPiece> SplitWhitespace(absl::string_view line) {
  std::vector<TextPiece> pieces;
  ForEachChunk(line, [&](size_t begin, size_t end) {
    const absl::string_view text = line.substr(begin, end - begin);
    const Content content = ContentOf(text);
    pieces.push_back({std::string(text), begin, end,
                      content.has_letter || content.has_digit});
  });
  return pieces;
}

}  // namespace

absl::StatusOr<TokenizerKind> ParseTokenizerKind(absl::string_view name) {
  for (auto kind : {TokenizerKind::kWords, TokenizerKind::kWhitespace,
                    TokenizerKind::kSubword}) {
    if (name == TokenizerKindName(kind)) return kind;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("tokenizer: expected \"words\", \"whitespace\" or "
                   "\"subword\", found \"",
                   name, "\""));
}

absl::string_view TokenizerKindName(TokenizerKind kind) {
  switch (kind) {
    case TokenizerKind::kWords:
      return "words";
    case TokenizerKind::kWhitespace:
      return "whitespace";
    case TokenizerKind::kSubword:
      break;
  }
  return "subword";
}

std::vector<TextPiece> SplitText(TokenizerKind kind, absl::string_view line) {
  CAROUSEL_CHECK(kind != TokenizerKind::kSubword);
  return kind == TokenizerKind::kWords ? SplitWords(line)
                                       : SplitWhitespace(line);
}

Tokenizer::Tokenizer(TokenizerKind kind, Vocabulary vocabulary)
    : kind_(kind), vocabulary_(std::move(vocabulary)) {
  CAROUSEL_CHECK(kind != TokenizerKind::kSubword);
}

Tokenizer::Tokenizer(Vocabulary vocabulary, Pieces pieces)
    : kind_(TokenizerKind::kSubword),
      vocabulary_(std::move(vocabulary)),
      pieces_(std::move(pieces)) {}

absl::StatusOr<Tokenizer> Tokenizer::Load(TokenizerKind kind,
                                          const std::string& path) {
  if (kind != TokenizerKind::kSubword) {
    ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::Load(path));
    return Tokenizer(kind, std::move(vocabulary));
  }
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  absl::StatusOr<PieceVocabulary> parsed = ParsePieces(content);
  if (!parsed.ok()) {
    return absl::Status(parsed.status().code(),
                        absl::StrCat(path, ": ", parsed.status().message()));
  }
  return Tokenizer(std::move(parsed->vocabulary), std::move(parsed->pieces));
}

std::string Tokenizer::Serialise() const {
  return pieces_ ? SerialisePieces(vocabulary_, *pieces_)
                 : vocabulary_.Serialise();
}

absl::StatusOr<std::string> Tokenizer::Prepare(absl::string_view line) const {
  if (kind_ != TokenizerKind::kWhitespace) return Normalise(line);
  RETURN_IF_ERROR(ValidateUtf8(line));
  return std::string(line);
}

std::vector<TextPiece> Tokenizer::Split(absl::string_view line) const {
  return pieces_ ? SplitSubwords(line) : SplitText(kind_, line);
}

std::vector<TextPiece> Tokenizer::SplitSubwords(absl::string_view line) const {
  const MarkedText marked = MarkSpaces(line);
  std::vector<TextPiece> result;
  for (const auto& [id, begin, end] : pieces_->Cut(marked.text)) {
    const Content content =
        ContentOf(absl::string_view(marked.text).substr(begin, end - begin));
    result.push_back({vocabulary_.token(id), marked.origins[begin],
                      marked.origins[end],
                      content.has_letter || content.has_digit});
  }
  return result;
}

int32_t Tokenizer::IdOf(const TextPiece& piece) const {
  return kind_ == TokenizerKind::kWords
             ? vocabulary_.FindIgnoringCase(piece.token)
             : vocabulary_.Find(piece.token).value_or(Vocabulary::kUnknown);
}

absl::StatusOr<std::vector<int32_t>> Tokenizer::Encode(
    absl::string_view line) const {
  ASSIGN_OR_RETURN(const std::string prepared, Prepare(line));
  std::vector<int32_t> ids;
  if (pieces_) {
    for (const Pieces::Piece& piece : pieces_->Cut(MarkSpaces(prepared).text)) {
      ids.push_back(piece.id);
    }
    return ids;
  }
  for (const TextPiece& piece : SplitText(kind_, prepared)) {
    ids.push_back(IdOf(piece));
  }
  return ids;
}

std::string Tokenizer::Decode(absl::Span<const int32_t> ids) const {
  if (pieces_) return JoinPieces(vocabulary_, ids);
  std::string text;
  for (const int32_t id : ids) {
    if (id == Vocabulary::kEndOfLine) continue;
    absl::StrAppend(&text, text.empty() ? "" : " ", vocabulary_.token(id));
  }
  return text;
}

}  // namespace carousel
