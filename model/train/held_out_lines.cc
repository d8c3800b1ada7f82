// SPDX-License-Identifier: Apache-2.0
#include "model/train/held_out_lines.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "model/text/code_points.h"
#include "model/text/normalise.h"

namespace carousel {

std::string ComparisonKey(absl::string_view line) {
  const std::string folded = Fold(line);
  std::string key;
  for (size_t at = 0; at < folded.size();) {
    const UChar32 c = NextCodePoint(folded, &at);
    if (u_isdigit(c)) {
      if (key.empty() || key.back() != '0') key += '0';
    } else if (u_isalpha(c)) {
      AppendCodePoint(c, &key);
    }
  }
  return key;
}

namespace {

// The keys of a line's longer sentences; none for a line of one sentence, whose
// key is the line's.
std::vector<std::string> SentenceKeys(absl::string_view line) {
  std::vector<std::string> keys;
  for (size_t begin = 0; begin < line.size();) {
    size_t end = begin + 1;
    while (end < line.size() &&
           !(absl::ascii_isspace(static_cast<unsigned char>(line[end])) &&
             absl::StrContains(".!?", line[end - 1]))) {
      ++end;
    }
    if (begin == 0 && end == line.size()) break;
    std::string key = ComparisonKey(line.substr(begin, end - begin));
    if (CountCodePoints(key) >= HeldOutLines::kShortestSentence) {
      keys.push_back(std::move(key));
    }
    begin = end;
  }
  return keys;
}

}  // namespace

void HeldOutLines::Add(absl::string_view line) {
  std::string key = ComparisonKey(line);
  if (!key.empty()) keys_.insert(std::move(key));
  for (std::string& sentence : SentenceKeys(line)) {
    keys_.insert(std::move(sentence));
  }
}

bool HeldOutLines::Contains(absl::string_view line) const {
  if (keys_.empty()) return false;
  if (keys_.contains(ComparisonKey(line))) return true;
  const std::vector<std::string> sentences = SentenceKeys(line);
  return std::any_of(
      sentences.begin(), sentences.end(),
      [this](const std::string& key) { return keys_.contains(key); });
}

}  // namespace carousel
