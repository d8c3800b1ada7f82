// SPDX-License-Identifier: Apache-2.0
#include "client/cli/line_editor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/suggestions.h"
#include "client/cli/utf8.h"

namespace carousel {
namespace {

// The start of the word that ends at `end`, the spaces behind it skipped.
size_t WordStart(absl::string_view text, size_t end) {
  while (end > 0 && text[end - 1] == ' ') --end;
  while (end > 0 && text[end - 1] != ' ') --end;
  return end;
}

}  // namespace

LineEditor::Outcome LineEditor::Apply(const Key& key) {
  switch (key.type) {
    case KeyType::kText:
      return Insert(key.text);
    case KeyType::kEnter:
      return Outcome::kSubmitted;
    case KeyType::kTab:
      return TakeSelected();
    case KeyType::kBackspace:
      return Erase(PreviousCharacter(text_, cursor_), cursor_);
    case KeyType::kDelete:
      return Erase(cursor_, NextCharacter(text_, cursor_));
    case KeyType::kLeft:
      return MoveTo(PreviousCharacter(text_, cursor_));
    case KeyType::kRight:
      if (cursor_ == text_.size()) return TakeSelected();
      return MoveTo(NextCharacter(text_, cursor_));
    case KeyType::kUp:
      Select(-1);
      return Outcome::kNothing;
    case KeyType::kDown:
      Select(+1);
      return Outcome::kNothing;
    case KeyType::kHome:
      return MoveTo(0);
    case KeyType::kEnd:
      return MoveTo(text_.size());
    case KeyType::kDeleteLine:
      return Erase(0, cursor_);
    case KeyType::kDeleteWord:
      return Erase(WordStart(text_, cursor_), cursor_);
    case KeyType::kLeave:
      return Outcome::kLeft;
  }
  return Outcome::kNothing;
}

void LineEditor::Answer(absl::string_view text, v1::CompleteResponse response) {
  if (text != left()) return;
  answer_ = std::move(response);
  suggestions_fit_ = true;
  selected_ = 0;
}

std::string LineEditor::Ghost() const {
  if (!suggestions_fit_ || cursor_ != text_.size() ||
      answer_.suggestions().empty() ||
      answer_.suggestions(selected_).replace() > 0) {
    return "";
  }
  return answer_.suggestions(selected_).insert();
}

LineEditor::Outcome LineEditor::Insert(absl::string_view text) {
  text_.insert(cursor_, text.data(), text.size());
  return MoveTo(cursor_ + text.size());
}

LineEditor::Outcome LineEditor::Erase(size_t from, size_t to) {
  text_.erase(from, to - from);
  // Del erases right of the cursor, which no suggestion depends on.
  return MoveTo(from);
}

LineEditor::Outcome LineEditor::MoveTo(size_t cursor) {
  if (cursor == cursor_) return Outcome::kNothing;
  cursor_ = cursor;
  suggestions_fit_ = false;
  return Outcome::kChanged;
}

LineEditor::Outcome LineEditor::TakeSelected() {
  if (!suggestions_fit_ || answer_.suggestions().empty()) {
    return Outcome::kNothing;
  }
  const std::string taken = Take(left(), answer_.suggestions(selected_));
  text_ = absl::StrCat(taken, absl::string_view(text_).substr(cursor_));
  cursor_ = taken.size();
  suggestions_fit_ = false;
  return Outcome::kChanged;
}

void LineEditor::Select(int step) {
  const int count = answer_.suggestions_size();
  if (suggestions_fit_ && count > 0) {
    selected_ = (selected_ + step + count) % count;
  }
}

}  // namespace carousel
