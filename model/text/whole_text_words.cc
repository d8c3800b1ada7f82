// SPDX-License-Identifier: Apache-2.0

#include <unicode/uchar.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/functional/function_ref.h"
#include "model/base/status_macros.h"
#include "model/text/code_points.h"
#include "model/text/normalise.h"
#include "model/text/whole_text.h"

namespace carousel {
namespace {

// What stands between white space, as it was given and as it was prepared.
struct Chunk {
  ByteRange given;
  ByteRange prepared;
  bool same = false;         // byte for byte
  bool equal_count = false;  // of characters
};

std::vector<ByteRange> FindChunks(absl::string_view text) {
  std::vector<ByteRange> chunks;
  bool in_chunk = false;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    if (u_isUWhiteSpace(NextCodePoint(text, &i))) {
      in_chunk = false;
      continue;
    }
    if (!in_chunk) chunks.push_back({begin, i});
    in_chunk = true;
    chunks.back().end = i;
  }
  return chunks;
}

// The place of a byte of a text that begins at `from`, in another one, of as
// many characters, that begins at `to`.
size_t SameCharacter(absl::string_view from, size_t offset,
                     absl::string_view to) {
  size_t at = 0;
  for (int left = CountCodePoints(from.substr(0, offset)); left > 0; --left) {
    NextCodePoint(to, &at);
  }
  return at;
}

// From places in a prepared text to places in the text that it was made of.
class Places {
 public:
  // Preparing keeps the order of the chunks and changes each by itself; were it
  // otherwise, all places would be the whole text. `apart`: the chunks are
  // wanted even if nothing was changed.
  Places(absl::string_view given, absl::string_view prepared,
         PrepareText prepare, bool apart)
      : given_(given), prepared_(prepared) {
    const Chunk whole = MakeChunk({0, given.size()}, {0, prepared.size()});
    if (whole.same && !apart) {
      chunks_ = {whole};
      return;
    }
    size_t at = 0;
    for (const ByteRange& chunk : FindChunks(given)) {
      const std::string changed = prepare(TextOf(given, chunk));
      while (at < prepared.size() && prepared[at] == ' ') ++at;
      if (prepared.substr(at, changed.size()) != changed) {
        chunks_ = {whole};
        return;
      }
      chunks_.push_back(MakeChunk(chunk, {at, at + changed.size()}));
      at += changed.size();
    }
    if (chunks_.empty()) chunks_ = {whole};  // nothing but white space
  }

  // Of a piece of the prepared text: that of the first byte that is no space,
  // which may lie behind it.
  size_t ChunkOf(ByteRange piece) const { return ChunkAt(BeginOf(piece)); }

  // Of the piece; empty if it is all spaces.
  ByteRange Find(ByteRange piece) const {
    const size_t begin = BeginOf(piece);
    const size_t end = std::max(begin, piece.end);
    const Chunk& first = chunks_[ChunkAt(begin)];
    const Chunk& last = chunks_[ChunkAt(end > begin ? end - 1 : begin)];
    return {Find(first, begin, first.given.begin),
            Find(last, end, last.given.end)};
  }

 private:
  Chunk MakeChunk(ByteRange given, ByteRange prepared) const {
    const absl::string_view before = TextOf(given_, given);
    const absl::string_view after = TextOf(prepared_, prepared);
    return {given, prepared, before == after,
            CountCodePoints(before) == CountCodePoints(after)};
  }

  size_t BeginOf(ByteRange piece) const {
    size_t begin = piece.begin;
    while (begin < prepared_.size() && prepared_[begin] == ' ') ++begin;
    return begin;
  }

  size_t ChunkAt(size_t offset) const {
    const auto found = std::upper_bound(
        chunks_.begin(), chunks_.end(), offset,
        [](size_t at, const Chunk& chunk) { return at < chunk.prepared.end; });
    return std::min(static_cast<size_t>(found - chunks_.begin()),
                    chunks_.size() - 1);
  }

  // `otherwise` where the characters do not correspond.
  size_t Find(const Chunk& chunk, size_t offset, size_t otherwise) const {
    offset -= chunk.prepared.begin;
    if (chunk.same) return chunk.given.begin + offset;
    const absl::string_view given = TextOf(given_, chunk.given);
    const absl::string_view prepared = TextOf(prepared_, chunk.prepared);
    if (!chunk.equal_count) return otherwise;
    return chunk.given.begin + SameCharacter(prepared, offset, given);
  }

  const absl::string_view given_;
  const absl::string_view prepared_;
  std::vector<Chunk> chunks_;
};

// The pieces that a cut leaves.
std::vector<int32_t> KeptPieces(size_t count, int longest) {
  std::vector<int32_t> kept(count);
  std::iota(kept.begin(), kept.end(), 0);
  CutLongText(longest, &kept);
  return kept;
}

}  // namespace

absl::StatusOr<std::vector<WholeTextWord>> WordsOfWholeText(
    const Tokenizer& tokenizer, int longest, absl::string_view text) {
  const TokenizerKind kind = tokenizer.kind();
  ASSIGN_OR_RETURN(const std::string prepared, PrepareWholeText(kind, text));
  const std::vector<TextPiece> pieces = tokenizer.Split(prepared);
  const Places places(
      text, prepared,
      [&](absl::string_view chunk) {
        return PrepareWholeText(kind, chunk).value();
      },
      kind == TokenizerKind::kSubword);
  const std::vector<int32_t> kept = KeptPieces(pieces.size(), longest);
  std::vector<WholeTextWord> words;
  size_t chunk_before = 0;
  for (size_t token = 0; token < kept.size(); ++token) {
    const TextPiece& piece = pieces[static_cast<size_t>(kept[token])];
    const ByteRange range = {piece.begin, piece.end};
    const size_t chunk = places.ChunkOf(range);
    const bool goes_on = tokenizer.kind() == TokenizerKind::kSubword &&
                         token > 0 && chunk == chunk_before &&
                         kept[token] == kept[token - 1] + 1;
    if (!goes_on)
      words.push_back({.place = places.Find(range), .first = token});
    words.back().place.end = places.Find(range).end;
    ++words.back().count;
    chunk_before = chunk;
  }
  return words;
}

std::vector<ByteRange> PlacesOf(absl::Span<const TextPiece> pieces,
                                absl::string_view given,
                                absl::string_view prepared,
                                PrepareText prepare) {
  const Places places(given, prepared, prepare, /*apart=*/false);
  std::vector<ByteRange> found;
  for (const TextPiece& piece : pieces) {
    found.push_back(places.Find({piece.begin, piece.end}));
  }
  return found;
}

}  // namespace carousel
