// SPDX-License-Identifier: Apache-2.0
#include "client/cli/scores.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/utf8.h"

namespace carousel {
namespace {

// Enough of a text to know it, on one line of any terminal.
constexpr int kTextColumns = 56;

constexpr int kBarColumns = 12;

// The beginning of the text, on one line.
std::string Beginning(absl::string_view text) {
  const std::string line = Printable(text);
  const absl::string_view shown = FirstColumns(line, kTextColumns);
  return absl::StrCat(shown, shown.size() < line.size() ? "…" : "");
}

int IndexOf(const v1::ScoreResponse& response) {
  for (int k = 0; k < response.probabilities_size(); ++k) {
    if (response.probabilities(k).label() == response.label()) return k;
  }
  return 0;
}

// The largest contribution is as long as there is room.
std::string Bar(double contribution, double largest) {
  if (largest == 0) return "";
  const auto length = static_cast<size_t>(
      std::lround(kBarColumns * std::abs(contribution) / largest));
  return std::string(length, contribution < 0 ? '-' : '+');
}

double LargestContribution(const v1::ScoreResponse& response) {
  double largest = 0;
  for (const v1::ScoredWord& word : response.words()) {
    largest = std::max(largest, std::abs(word.contribution()));
  }
  return largest;
}

// What a word adds, and the probability after it; of these what was asked for.
std::string FormatWord(const v1::ScoredWord& word, int label, double largest,
                       bool contributions) {
  std::string line = "           ";
  if (contributions) {
    absl::StrAppendFormat(&line, "%+6.2f  %-*s ", word.contribution(),
                          kBarColumns, Bar(word.contribution(), largest));
  }
  if (label < word.running_size()) {
    absl::StrAppendFormat(&line, "%6.1f%%  ", 100 * word.running(label));
  }
  return absl::StrCat(line, Printable(word.text()), "\n");
}

}  // namespace

std::string FormatError(absl::string_view reason) {
  return absl::StrFormat("%-10s      -  %s\n", "error", Printable(reason));
}

std::string FormatScore(absl::string_view text,
                        const v1::ScoreResponse& response, bool bold) {
  const int label = IndexOf(response);
  const double probability = response.probabilities().empty()
                                 ? 0
                                 : response.probabilities(label).probability();
  std::string lines =
      absl::StrFormat("%s%-10s%s %5.1f%%  %s\n", bold ? "\x1b[1m" : "",
                      Printable(response.label()), bold ? "\x1b[0m" : "",
                      100 * probability, Beginning(text));
  const double largest = LargestContribution(response);
  for (const v1::ScoredWord& word : response.words()) {
    absl::StrAppend(
        &lines, FormatWord(word, label, largest, response.has_explanation()));
  }
  if (!response.has_explanation()) return lines;
  const v1::ScoreExplanation& explanation = response.explanation();
  const double words =
      explanation.log_odds() - explanation.baseline() - explanation.remainder();
  absl::StrAppendFormat(
      &lines,
      "           log-odds %+.2f = %+.2f before the text, "
      "%+.2f by its words, %+.2f %s\n",
      explanation.log_odds(), explanation.baseline(), words,
      explanation.remainder(),
      explanation.method() == v1::ScoreExplanation::METHOD_OCCLUSION
          ? "by words together"
          : "by its end");
  return lines;
}

}  // namespace carousel
