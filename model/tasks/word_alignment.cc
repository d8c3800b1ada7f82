// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/word_alignment.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "model/text/code_points.h"
#include "model/text/sentences.h"

namespace carousel {
namespace {

bool IsMark(absl::string_view text, ByteRange place) {
  for (size_t i = place.begin; i < place.end;) {
    if (u_isalnum(NextCodePoint(text, &i))) return false;
  }
  return true;
}

}  // namespace

std::vector<TokenWord> WordsOfTokens(absl::string_view text,
                                     absl::Span<const ByteRange> places) {
  std::vector<TokenWord> words;
  bool mark_before = true;
  for (size_t t = 0; t < places.size(); ++t) {
    const ByteRange place = Trim(text, places[t]);
    if (place.empty()) {
      if (!words.empty()) ++words.back().count;
      continue;
    }
    const bool mark = IsMark(text, place);
    const bool goes_on = !words.empty() && !mark && !mark_before &&
                         words.back().place.end == place.begin;
    if (goes_on) {
      words.back().place.end = place.end;
      ++words.back().count;
    } else {
      // The first word has what stands before it, too.
      const size_t first = words.empty() ? 0 : t;
      words.push_back({.place = place, .first = first, .count = t + 1 - first});
    }
    mark_before = mark;
  }
  return words;
}

WordAlignment AlignWords(absl::Span<const TokenWord> source,
                         absl::Span<const TokenWord> target,
                         absl::Span<const std::vector<float>> attention) {
  WordAlignment alignment;
  for (const TokenWord& word : source) {
    alignment.source.push_back(word.place);
  }
  for (const TokenWord& word : target) {
    alignment.target.push_back(word.place);
    std::vector<float>& weights = alignment.weights.emplace_back();
    weights.resize(source.size() + 1);
    for (size_t t = word.first; t < word.first + word.count; ++t) {
      const std::vector<float>& row = attention[t];
      for (size_t s = 0; s < source.size(); ++s) {
        for (size_t i = 0; i < source[s].count; ++i) {
          weights[s] += row[source[s].first + i];
        }
      }
      weights.back() += row.back();
    }
    for (float& weight : weights) weight /= static_cast<float>(word.count);
  }
  return alignment;
}

}  // namespace carousel
