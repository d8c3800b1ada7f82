// SPDX-License-Identifier: Apache-2.0
//
// The line that a person types, and the suggestions for it: keys and answers
// in, state out. Without a terminal and without a network.

#ifndef CAROUSEL_CLIENT_CLI_LINE_EDITOR_H_
#define CAROUSEL_CLIENT_CLI_LINE_EDITOR_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "carousel/v1/autocomplete.pb.h"
#include "client/cli/keys.h"

namespace carousel {

// Tab takes the selected suggestion, as does Right at the end of the line; Up
// and Down select another. Thread-compatible.
class LineEditor {
 public:
  enum class Outcome {
    kNothing,    // at most the selection changed
    kChanged,    // what stands left of the cursor changed: ask again
    kSubmitted,  // Enter: the line is finished
    kLeft,       // the person wants to leave
  };

  Outcome Apply(const Key& key);

  // Takes the answer for `text`. It is dropped if that no longer stands left of
  // the cursor.
  void Answer(absl::string_view text, v1::CompleteResponse response);

  const std::string& text() const { return text_; }

  // A byte offset in text().
  size_t cursor() const { return cursor_; }
  absl::string_view left() const { return {text_.data(), cursor_}; }

  // The last answer. Until the next one is there the suggestions of the text
  // before the last change are kept to be shown, without flicker, but they do
  // not fit and cannot be taken: suggestions_fit() is false.
  const v1::CompleteResponse& answer() const { return answer_; }
  bool suggestions_fit() const { return suggestions_fit_; }
  int selected() const { return selected_; }

  // What taking the selected suggestion would add at the end of the line; empty
  // if nothing, or if it would change what is there.
  std::string Ghost() const;

 private:
  Outcome Insert(absl::string_view text);
  Outcome Erase(size_t from, size_t to);
  Outcome MoveTo(size_t cursor);
  Outcome TakeSelected();
  void Select(int step);

  std::string text_;
  size_t cursor_ = 0;
  v1::CompleteResponse answer_;
  bool suggestions_fit_ = false;
  int selected_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_LINE_EDITOR_H_
