// SPDX-License-Identifier: Apache-2.0
#include "client/cli/frame.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/utf8.h"

namespace carousel {
namespace {

constexpr absl::string_view kPrompt = "> ";
constexpr absl::string_view kDim = "\x1b[2m";
constexpr absl::string_view kReverse = "\x1b[7m";
constexpr absl::string_view kPlain = "\x1b[0m";

std::string Styled(absl::string_view style, absl::string_view text) {
  return text.empty() ? "" : absl::StrCat(style, text, kPlain);
}

// `text` made printable and cut to `columns`.
std::string Fit(absl::string_view text, int columns) {
  const std::string printable = Printable(text);
  return std::string(FirstColumns(printable, columns));
}

std::vector<std::string> SuggestionLines(const LineEditor& editor,
                                         int columns) {
  std::vector<std::string> lines;
  const v1::CompleteResponse& answer = editor.answer();
  for (int i = 0; i < answer.suggestions_size(); ++i) {
    const v1::Suggestion& suggestion = answer.suggestions(i);
    const std::string line =
        Fit(absl::StrFormat("%6.1f%%  %s ", 100 * suggestion.probability(),
                            suggestion.word()),
            columns);
    if (!editor.suggestions_fit()) {
      lines.push_back(Styled(kDim, line));
    } else {
      lines.push_back(i == editor.selected() ? Styled(kReverse, line) : line);
    }
  }
  return lines;
}

}  // namespace

std::string StatusLine(absl::string_view latency, absl::string_view model,
                       int columns) {
  constexpr absl::string_view kKeys =
      "Tab takes, Up and Down choose, Enter ends the line, Esc leaves";
  constexpr absl::string_view kFewKeys = "Tab takes, Esc leaves";
  const std::vector<absl::string_view> lines[] = {
      {latency, model, kKeys}, {latency, kKeys}, {kKeys}, {kFewKeys}};
  for (const std::vector<absl::string_view>& parts : lines) {
    std::string line;
    for (absl::string_view part : parts) {
      if (!part.empty()) absl::StrAppend(&line, "  ", part);
    }
    if (Columns(Printable(line)) < columns) return line;
  }
  return "Esc leaves";
}

std::string ErrorLine(absl::string_view message) {
  return absl::StrCat("  Esc leaves; ", message);
}

std::string RenderFrame(const LineEditor& editor, absl::string_view status,
                        int columns) {
  // A character in the last column may make the terminal wrap.
  const int room = std::max(columns - 1, 1);
  const int text_room = std::max(room - Columns(kPrompt), 1);
  const std::string left = Printable(LastColumns(editor.left(), text_room));
  const absl::string_view right =
      absl::string_view(editor.text()).substr(editor.cursor());
  const int right_room = text_room - Columns(left);

  std::vector<std::string> lines = {
      absl::StrCat(kPrompt, left, Fit(right, right_room),
                   Styled(kDim, Fit(editor.Ghost(), right_room)))};
  for (std::string& line : SuggestionLines(editor, room)) {
    lines.push_back(std::move(line));
  }
  lines.push_back(Styled(kDim, Fit(status, room)));

  return absl::StrCat(
      kEraseFrame, absl::StrJoin(lines, "\r\n"),
      absl::StrFormat("\x1b[%dA\r\x1b[%dC", static_cast<int>(lines.size()) - 1,
                      Columns(kPrompt) + Columns(left)));
}

}  // namespace carousel
