// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/typed_text.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "model/base/status_macros.h"
#include "model/text/normalise.h"

namespace carousel {
namespace {

// A word may begin right after these. (Typographic quotation marks are ASCII
// ones after normalisation, which open only where nothing of a chunk is typed.)
constexpr absl::string_view kOpening[] = {"(", "[", "{", "<",
                                          "¿", "¡", "«", "„"};
constexpr absl::string_view kQuotes[] = {"\"", "'"};

// Between two parts of a word: no space is wanted after them.
constexpr absl::string_view kJoining[] = {"-", "/", "‐", "‑", "–", "—"};

// What comes after these is a name or a number, never a word of a vocabulary.
constexpr absl::string_view kPrivate[] = {"@", "#", "$", "€", "£", "_", "\\"};

template <size_t kCount>
size_t StartsWithAny(absl::string_view text,
                     const absl::string_view (&marks)[kCount]) {
  for (absl::string_view mark : marks) {
    if (absl::StartsWith(text, mark)) return mark.size();
  }
  return 0;
}

// Where the chunk begins that the cursor stands in: after the last white space
// or opening mark.
size_t ChunkBegin(absl::string_view line) {
  const size_t space = line.rfind(' ');
  size_t begin = space == line.npos ? 0 : space + 1;
  for (size_t i = begin; i < line.size(); ++i) {
    const absl::string_view rest = line.substr(i);
    size_t mark = StartsWithAny(rest, kOpening);
    if (mark == 0 && i == begin) mark = StartsWithAny(rest, kQuotes);
    if (mark > 0) begin = i + mark;
  }
  return begin;
}

// Code points of the shortest end of `text` that normalises to `partial`, which
// begins a word of the vocabulary and so is short.
int CountTypedCodePoints(absl::string_view text, absl::string_view partial) {
  if (absl::EndsWith(text, partial)) return CountCodePoints(partial);
  // NFC shortens a text by less than this factor.
  const size_t longest = std::min(text.size(), 8 * partial.size());
  for (size_t size = 1; size <= longest; ++size) {
    const absl::string_view tail = text.substr(text.size() - size);
    const absl::StatusOr<std::string> normalised = Normalise(tail);
    if (normalised.ok() && *normalised == partial) return CountCodePoints(tail);
  }
  return CountCodePoints(partial);
}

RankRange AllTokens(const Vocabulary& vocabulary) {
  return {0, vocabulary.size()};
}

// Reads one text into `typed`.
class Reader {
 public:
  Reader(const Tokenizer& tokenizer, TypedText* typed)
      : tokenizer_(tokenizer), typed_(*typed) {}

  void Read() {
    const size_t begin = ChunkBegin(typed_.line);
    typed_.word_begin = begin;
    const std::string chunk = typed_.line.substr(begin);
    if (chunk.empty()) {
      WantNextWord();
    } else {
      ReadChunk(chunk, begin);
    }
    if (typed_.wish != TypedText::Wish::kNothing) AddContext();
  }

 private:
  void WantNextWord() {
    typed_.wish = TypedText::Wish::kNextWord;
    typed_.partial_begin = typed_.line.size();
    typed_.range = AllTokens(tokenizer_.vocabulary());
  }

  // Whether any word begins with what stands from `partial_begin` on.
  bool WantRestOfWord(size_t partial_begin) {
    const absl::string_view line = typed_.line;
    const RankRange range =
        tokenizer_.vocabulary().PrefixRange(Fold(line.substr(partial_begin)));
    if (range.empty()) return false;
    typed_.wish = TypedText::Wish::kRestOfWord;
    typed_.partial_begin = partial_begin;
    typed_.range = range;
    return true;
  }

  void ReadChunk(absl::string_view chunk, size_t begin) {
    const std::vector<TextPiece> pieces = SplitText(tokenizer_.kind(), chunk);
    const bool has_word =
        std::any_of(pieces.begin(), pieces.end(),
                    [](const TextPiece& piece) { return piece.is_word; });
    if (has_word && WantRestOfWord(begin)) return;

    // No word begins with all of it: its last piece decides. What stands for a
    // number or an address ("<num>") is not what is typed, and is not
    // completed.
    const TextPiece& last = pieces.back();
    const absl::string_view typed = chunk.substr(last.begin);
    if (last.is_word) {
      if (last.token == typed && WantRestOfWord(begin + last.begin)) return;
      WantNothing(begin);
    } else if (StartsWithAny(typed, kPrivate) > 0) {
      WantNothing(begin);
    } else {
      WantNextWord();
      const bool joins = last.begin > 0 && StartsWithAny(typed, kJoining) > 0;
      typed_.needs_space = !joins;
      if (!joins) typed_.word_begin = typed_.line.size();
    }
  }

  void WantNothing(size_t partial_begin) {
    typed_.wish = TypedText::Wish::kNothing;
    typed_.partial_begin = partial_begin;
  }

  void AddContext() {
    for (const TextPiece& piece :
         SplitText(tokenizer_.kind(), typed_.before())) {
      typed_.context.push_back(tokenizer_.IdOf(piece));
    }
  }

  const Tokenizer& tokenizer_;
  TypedText& typed_;
};

}  // namespace

std::vector<int32_t> LatestTokens(absl::Span<const int32_t> context,
                                  int limit) {
  const size_t most = static_cast<size_t>(limit);
  if (context.size() > most) {
    const size_t step = std::max<size_t>(1, most / 4);
    const size_t excess = context.size() - most;
    context.remove_prefix((excess + step - 1) / step * step);
  }
  std::vector<int32_t> tokens = {Vocabulary::kEndOfLine};
  tokens.insert(tokens.end(), context.begin(), context.end());
  return tokens;
}

absl::StatusOr<TypedText> ReadTypedText(const Tokenizer& tokenizer,
                                        absl::string_view text) {
  RETURN_IF_ERROR(ValidateUtf8(text));
  TypedText typed;
  typed.curly_apostrophes = absl::StrContains(text, "’");
  const size_t newline = text.rfind('\n');
  if (newline != text.npos) text.remove_prefix(newline + 1);
  ASSIGN_OR_RETURN(typed.line, Normalise(text));
  Reader(tokenizer, &typed).Read();
  if (typed.wish == TypedText::Wish::kRestOfWord) {
    typed.partial_code_points = CountTypedCodePoints(text, typed.partial());
  }
  return typed;
}

}  // namespace carousel
