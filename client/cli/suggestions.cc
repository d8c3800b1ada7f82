// SPDX-License-Identifier: Apache-2.0
#include "client/cli/suggestions.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/utf8.h"

namespace carousel {
namespace {

// Enough of the text to know one's place in it, on one line of any terminal.
constexpr int kContextColumns = 56;

// The end of the last line of `text`.
std::string Context(absl::string_view text) {
  const std::string line =
      Printable(text.substr(text.rfind('\n') + 1));  // npos + 1 is 0
  const absl::string_view end = LastColumns(line, kContextColumns);
  return absl::StrCat(end.size() < line.size() ? "…" : "", end);
}

}  // namespace

std::string Take(absl::string_view text, const v1::Suggestion& suggestion) {
  return absl::StrCat(DropLastCodePoints(text, suggestion.replace()),
                      suggestion.insert());
}

std::string FormatSuggestions(absl::string_view text,
                              const v1::CompleteResponse& response, bool bold) {
  if (response.suggestions().empty()) {
    return absl::StrCat("     -   ", Context(text), "\n");
  }
  std::string lines;
  for (const v1::Suggestion& suggestion : response.suggestions()) {
    absl::StrAppendFormat(
        &lines, "%6.1f%%  %s%s%s%s\n", 100 * suggestion.probability(),
        Context(DropLastCodePoints(text, suggestion.replace())),
        bold ? "\x1b[1m" : "", Printable(suggestion.insert()),
        bold ? "\x1b[0m" : "");
  }
  return lines;
}

std::string FormatNoSuggestions(absl::string_view reason) {
  return absl::StrCat("  error  ", Printable(reason), "\n");
}

}  // namespace carousel
