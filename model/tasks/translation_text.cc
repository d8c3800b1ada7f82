// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/translation_text.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/text/vocabulary.h"

namespace carousel {
namespace {

bool IsOneOf(absl::string_view word,
             std::initializer_list<absl::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool StandsClose(absl::string_view word) {
  return IsOneOf(word, {",", ".", ";", ":", "!", "?", ")", "]", "}", "%", "...",
                        "\u2026", "'", "-", "/"});
}

bool DrawsClose(absl::string_view word) {
  return IsOneOf(word, {"(", "[", "{", "$", "\u00a3", "'", "-", "/", "#"});
}

// Positions of the source's tokens equal to `token`.
std::vector<int> PlacesOf(int32_t token, const SourceWords& source) {
  std::vector<int> places;
  for (size_t s = 0; s < source.tokens.size(); ++s) {
    if (source.tokens[s] == token) places.push_back(static_cast<int>(s));
  }
  return places;
}

// The place among `places` with the most attention; -1 if there is none.
int MostAttended(const std::vector<float>& attention,
                 absl::Span<const int> places) {
  int best = -1;
  for (const int place : places) {
    if (best < 0 || attention[static_cast<size_t>(place)] >
                        attention[static_cast<size_t>(best)]) {
      best = place;
    }
  }
  return best;
}

}  // namespace

absl::StatusOr<SourceWords> ReadSourceWords(const Tokenizer& tokenizer,
                                            absl::string_view text) {
  SourceWords source;
  ASSIGN_OR_RETURN(const std::string line, tokenizer.Prepare(text));
  for (const TextPiece& piece : tokenizer.Split(line)) {
    source.tokens.push_back(tokenizer.IdOf(piece));
    source.words.push_back(line.substr(piece.begin, piece.end - piece.begin));
  }
  return source;
}

std::vector<int> AlignTokens(absl::Span<const int32_t> tokens,
                             const SourceWords& source,
                             absl::Span<const std::vector<float>> attention) {
  std::vector<int> all;
  for (size_t s = 0; s < source.tokens.size(); ++s) {
    all.push_back(static_cast<int>(s));
  }
  std::vector<int> numbers = PlacesOf(Vocabulary::kNumber, source);
  std::vector<int> unknown = PlacesOf(Vocabulary::kUnknown, source);
  std::vector<int> alignment;
  for (size_t t = 0; t < tokens.size(); ++t) {
    std::vector<int>* own = tokens[t] == Vocabulary::kNumber    ? &numbers
                            : tokens[t] == Vocabulary::kUnknown ? &unknown
                                                                : nullptr;
    int place = -1;
    if (!attention.empty()) {
      const bool among_numbers = own == &numbers && !numbers.empty();
      place = MostAttended(attention[t], among_numbers ? numbers : all);
    } else if (own != nullptr && !own->empty()) {
      place = own->front();
    }
    alignment.push_back(place);
    if (own == nullptr) continue;
    own->erase(std::remove(own->begin(), own->end(), place), own->end());
  }
  return alignment;
}

std::string TargetText(const Tokenizer& tokenizer,
                       absl::Span<const int32_t> tokens,
                       const SourceWords& source,
                       absl::Span<const int> alignment) {
  if (tokenizer.kind() == TokenizerKind::kSubword) {
    return tokenizer.Decode(tokens);
  }
  std::vector<std::string> words;
  for (size_t t = 0; t < tokens.size(); ++t) {
    const bool carried =
        tokens[t] == Vocabulary::kUnknown || tokens[t] == Vocabulary::kNumber;
    if (!carried) {
      words.push_back(tokenizer.vocabulary().token(tokens[t]));
    } else if (t < alignment.size() && alignment[t] >= 0) {
      words.push_back(source.words[static_cast<size_t>(alignment[t])]);
    }
  }
  words.erase(std::remove(words.begin(), words.end(), std::string()),
              words.end());
  if (tokenizer.kind() == TokenizerKind::kWords) return JoinWords(words);
  std::string text;
  for (const std::string& word : words) {
    absl::StrAppend(&text, text.empty() ? "" : " ", word);
  }
  return text;
}

std::string JoinWords(absl::Span<const std::string> words) {
  std::string text;
  bool draws_close = true;  // the beginning of the text too
  bool quoted = false;
  for (const std::string& word : words) {
    const bool is_quote = word == "\"";
    const bool closes = is_quote && quoted;
    const bool opens = is_quote && !quoted;
    if (is_quote) quoted = !quoted;
    if (!draws_close && !closes && !StandsClose(word)) text += ' ';
    text += word;
    draws_close = opens || DrawsClose(word);
  }
  return text;
}

}  // namespace carousel
