// SPDX-License-Identifier: Apache-2.0

#include "model/text/vocabulary.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/text/code_points.h"
#include "model/text/normalise.h"

namespace carousel {
namespace {

constexpr std::array<absl::string_view, 3> kSpecialTokens = {"<unk>", "<eos>",
                                                             "<num>"};
constexpr int kSpecialCount = static_cast<int>(kSpecialTokens.size());

absl::Status ErrorAtLine(size_t index, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("vocabulary, line ", index + 1, ": ", what));
}

absl::Status ValidateToken(absl::string_view token, size_t index) {
  if (index < kSpecialTokens.size() && token != kSpecialTokens[index]) {
    return ErrorAtLine(index, absl::StrCat("expected ", kSpecialTokens[index],
                                           ", found \"", token, "\""));
  }
  if (token.empty()) return ErrorAtLine(index, "expected a token, found none");
  if (absl::Status status = ValidateUtf8(token); !status.ok()) {
    return ErrorAtLine(index, status.message());
  }
  if (std::any_of(token.begin(), token.end(), absl::ascii_isspace)) {
    return ErrorAtLine(index, absl::StrCat("white space in \"", token, "\""));
  }
  return absl::OkStatus();
}

// English words of one letter. Other scripts may write a word with one.
bool IsOneLetterWord(absl::string_view token, UChar32 letter) {
  if (!u_hasBinaryProperty(letter, UCHAR_CASED)) return true;
  return token == "a" || token == "A" || token == "i" || token == "I" ||
         token == "o" || token == "O";
}

// Whether full stops, if any, join parts of two letters at most ("U.S",
// "p.m."): else they stand between words, or in a name of the internet.
bool IsAbbreviationOrPlain(absl::string_view token) {
  constexpr int kLongestPart = 2;
  if (absl::ConsumeSuffix(&token, "."); !absl::StrContains(token, '.')) {
    return true;
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  return std::all_of(parts.begin(), parts.end(), [](absl::string_view part) {
    return CountCodePoints(part) <= kLongestPart;
  });
}

// Letters, each mark between two of them; a full stop may be the last.
bool LooksLikeWord(absl::string_view token) {
  if (!IsAbbreviationOrPlain(token)) return false;
  int letters = 0;
  UChar32 first = 0;
  UChar32 before = '-';  // so that a mark in front is refused
  const auto is_mark = [](UChar32 c) {
    return c == '\'' || c == '-' || c == '.';
  };
  for (size_t i = 0; i < token.size();) {
    const UChar32 c = NextCodePoint(token, &i);
    const bool combines = (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0;
    if (u_isalpha(c)) {
      if (letters++ == 0) first = c;
    } else if (is_mark(before) || !(combines || is_mark(c))) {
      return false;
    }
    before = c;
  }
  if (before == '\'' || before == '-') return false;
  return letters > 1 || (letters == 1 && IsOneLetterWord(token, first));
}

}  // namespace

absl::Span<const absl::string_view> Vocabulary::SpecialTokens() {
  return kSpecialTokens;
}

absl::StatusOr<Vocabulary> Vocabulary::Create(std::vector<std::string> tokens) {
  if (tokens.size() < kSpecialTokens.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "vocabulary: expected at least the tokens <unk>, <eos>, <num>, found ",
        tokens.size(), " tokens"));
  }
  if (tokens.size() > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError(
        absl::StrCat("vocabulary: too many tokens, ", tokens.size()));
  }
  absl::flat_hash_map<absl::string_view, size_t> lines;
  for (size_t i = 0; i < tokens.size(); ++i) {
    RETURN_IF_ERROR(ValidateToken(tokens[i], i));
    const auto [first, is_new] = lines.emplace(tokens[i], i);
    if (!is_new) {
      return ErrorAtLine(i, absl::StrCat("\"", tokens[i], "\" is on line ",
                                         first->second + 1, " already"));
    }
  }
  return Vocabulary(std::move(tokens));
}

absl::StatusOr<Vocabulary> Vocabulary::Load(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  absl::string_view lines = content;
  if (!lines.empty() && lines.back() == '\n') lines.remove_suffix(1);
  auto vocabulary = Create(absl::StrSplit(lines, '\n'));
  if (vocabulary.ok()) return vocabulary;
  return absl::Status(vocabulary.status().code(),
                      absl::StrCat(path, ": ", vocabulary.status().message()));
}

Vocabulary::Vocabulary(std::vector<std::string> tokens)
    : tokens_(std::move(tokens)),
      by_rank_(tokens_.size()),
      rank_(tokens_.size()) {
  ids_.reserve(tokens_.size());
  for (int32_t id = 0; id < size(); ++id) {
    ids_.emplace(tokens_[id], id);
    folded_.push_back(Fold(tokens_[id]));
    may_be_offered_.push_back(id >= kSpecialCount &&
                              LooksLikeWord(tokens_[id]));
  }
  std::iota(by_rank_.begin(), by_rank_.end(), 0);
  std::stable_sort(
      by_rank_.begin() + kSpecialCount, by_rank_.end(),
      [this](int32_t a, int32_t b) { return folded_[a] < folded_[b]; });
  for (int rank = 0; rank < size(); ++rank) rank_[by_rank_[rank]] = rank;
  for (int begin = 0; begin < size();) {
    int end = begin + 1;
    while (end < size() && folded_[by_rank_[end]] == folded_[by_rank_[begin]]) {
      ++end;
    }
    same_folded_.insert(same_folded_.end(), end - begin, {begin, end});
    most_alike_ = std::max(most_alike_, end - begin);
    begin = end;
  }
}

std::string Vocabulary::Serialise() const {
  std::string content;
  for (const std::string& token : tokens_) {
    absl::StrAppend(&content, token, "\n");
  }
  return content;
}

const std::string& Vocabulary::token(int32_t id) const { return tokens_[id]; }

const std::string& Vocabulary::folded(int32_t id) const { return folded_[id]; }

int32_t Vocabulary::id_at(int rank) const { return by_rank_[rank]; }

int Vocabulary::rank_of(int32_t id) const { return rank_[id]; }

void Vocabulary::NeverOffer(absl::Span<const std::string> words) {
  for (const std::string& word : words) {
    const RankRange equal = EqualRange(Fold(word));
    for (int rank = equal.begin; rank < equal.end; ++rank) {
      may_be_offered_[id_at(rank)] = false;
    }
  }
}

bool Vocabulary::may_be_offered(int32_t id) const {
  return may_be_offered_[id];
}

std::optional<int32_t> Vocabulary::Find(absl::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

int32_t Vocabulary::FindIgnoringCase(absl::string_view word) const {
  if (const auto id = Find(word)) return *id;
  const std::string lower = ToLower(word);
  if (const auto id = Find(lower)) return *id;
  return Find(ToTitle(lower)).value_or(kUnknown);
}

RankRange Vocabulary::PrefixRange(absl::string_view folded_prefix) const {
  const auto head = [&](int32_t id) {
    return absl::string_view(folded_[id]).substr(0, folded_prefix.size());
  };
  const auto words = by_rank_.begin() + kSpecialCount;
  const auto begin = std::partition_point(
      words, by_rank_.end(),
      [&](int32_t id) { return head(id) < folded_prefix; });
  const auto end = std::partition_point(begin, by_rank_.end(), [&](int32_t id) {
    return head(id) == folded_prefix;
  });
  return {static_cast<int>(begin - by_rank_.begin()),
          static_cast<int>(end - by_rank_.begin())};
}

RankRange Vocabulary::EqualRange(absl::string_view folded) const {
  // Of the tokens with a common beginning the shortest come first.
  const RankRange range = PrefixRange(folded);
  const auto begin = by_rank_.begin() + range.begin;
  const auto end = std::partition_point(
      begin, by_rank_.begin() + range.end,
      [&](int32_t id) { return folded_[id].size() == folded.size(); });
  return {range.begin, static_cast<int>(end - by_rank_.begin())};
}

}  // namespace carousel
