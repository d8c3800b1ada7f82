// SPDX-License-Identifier: Apache-2.0
#include "client/cli/translations.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/utf8.h"

namespace carousel {
namespace {

// Less attention than this explains nothing; and so many words are enough.
constexpr float kLeastWeight = 0.1f;
constexpr size_t kMostWords = 3;

// "are 61%, you 30%"
std::string FormatRow(const v1::Alignment& alignment,
                      const v1::AlignmentRow& row) {
  std::vector<int> words(static_cast<size_t>(alignment.source_size()));
  std::iota(words.begin(), words.end(), 0);
  std::stable_sort(words.begin(), words.end(), [&](int a, int b) {
    return row.weights(a) > row.weights(b);
  });
  std::string text;
  for (size_t i = 0; i < std::min(words.size(), kMostWords); ++i) {
    const float weight = row.weights(words[i]);
    if (weight < kLeastWeight) break;
    absl::StrAppendFormat(&text, "%s%s %.0f%%", text.empty() ? "" : ", ",
                          Printable(alignment.source(words[i]).text()),
                          100 * weight);
  }
  return text;
}

std::string FormatAlignment(const v1::Alignment& alignment) {
  int widest = 0;
  for (const v1::AlignedWord& word : alignment.target()) {
    widest = std::max(widest, Columns(word.text()));
  }
  std::string text;
  for (int t = 0; t < alignment.target_size(); ++t) {
    const std::string word = Printable(alignment.target(t).text());
    absl::StrAppend(
        &text, "        ", word,
        std::string(
            static_cast<size_t>(std::max(0, widest - Columns(word))) + 2, ' '),
        FormatRow(alignment, alignment.rows(t)), "\n");
  }
  return text;
}

}  // namespace

std::string FormatDetails(const v1::TranslateResponse& response) {
  std::string text;
  for (const v1::TranslatedSentence& sentence : response.sentences()) {
    const bool several = sentence.translations_size() > 1;
    for (const v1::Translation& translation : sentence.translations()) {
      if (several) {
        absl::StrAppendFormat(&text, "%6.2f  %s\n", translation.score(),
                              Printable(translation.text()));
      }
      text += FormatAlignment(translation.alignment());
    }
  }
  return text;
}

}  // namespace carousel
