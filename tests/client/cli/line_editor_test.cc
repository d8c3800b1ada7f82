// SPDX-License-Identifier: Apache-2.0
#include "client/cli/line_editor.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/client/fake_server.h"

namespace carousel {
namespace {

using Outcome = LineEditor::Outcome;

Outcome Press(LineEditor& editor, KeyType type) {
  return editor.Apply({type, ""});
}

void Type(LineEditor& editor, absl::string_view bytes) {
  for (const Key& key : KeyDecoder().Feed(bytes)) editor.Apply(key);
}

LineEditor Typed(absl::string_view bytes) {
  LineEditor editor;
  Type(editor, bytes);
  return editor;
}

v1::CompleteResponse GoSeeDo() {
  v1::CompleteResponse response;
  *response.add_suggestions() = MakeSuggestion("go", " go", 0.5);
  *response.add_suggestions() = MakeSuggestion("see", " see", 0.2);
  *response.add_suggestions() = MakeSuggestion("do", " do", 0.1);
  return response;
}

TEST(LineEditorTest, TypingAndErasingChangeTheTextAtTheCursor) {
  LineEditor editor = Typed("helo");
  EXPECT_EQ(Press(editor, KeyType::kLeft), Outcome::kChanged);
  Type(editor, "l");
  EXPECT_EQ(editor.text(), "hello");
  EXPECT_EQ(editor.left(), "hell");
  EXPECT_EQ(Press(editor, KeyType::kBackspace), Outcome::kChanged);
  EXPECT_EQ(editor.text(), "helo");
}

// A character may be several bytes and code points.
TEST(LineEditorTest, BackspaceErasesAWholeCharacter) {
  LineEditor editor = Typed("日e\xCC\x81");
  Press(editor, KeyType::kBackspace);
  EXPECT_EQ(editor.text(), "日");
  Press(editor, KeyType::kBackspace);
  EXPECT_EQ(editor.text(), "");
  EXPECT_EQ(Press(editor, KeyType::kBackspace), Outcome::kNothing);
}

TEST(LineEditorTest, DeleteWordErasesTheWordAndItsSpaces) {
  LineEditor editor = Typed("one two  ");
  Press(editor, KeyType::kDeleteWord);
  EXPECT_EQ(editor.text(), "one ");
  Press(editor, KeyType::kDeleteLine);
  EXPECT_EQ(editor.text(), "");
}

// Nothing left of the cursor changes, so nothing must be asked again.
TEST(LineEditorTest, DeleteErasesWhatIsRightOfTheCursor) {
  LineEditor editor = Typed("ab");
  Press(editor, KeyType::kHome);
  EXPECT_EQ(Press(editor, KeyType::kDelete), Outcome::kNothing);
  EXPECT_EQ(editor.text(), "b");
}

TEST(LineEditorTest, TabTakesTheFirstSuggestion) {
  LineEditor editor = Typed("I want to");
  editor.Answer("I want to", GoSeeDo());
  EXPECT_EQ(editor.Ghost(), " go");
  EXPECT_EQ(Press(editor, KeyType::kTab), Outcome::kChanged);
  EXPECT_EQ(editor.text(), "I want to go");
  EXPECT_EQ(editor.cursor(), editor.text().size());
}

TEST(LineEditorTest, UpAndDownChooseRoundTheList) {
  LineEditor editor = Typed("to");
  editor.Answer("to", GoSeeDo());
  EXPECT_EQ(Press(editor, KeyType::kUp), Outcome::kNothing);
  EXPECT_EQ(editor.selected(), 2);
  Press(editor, KeyType::kDown);
  Press(editor, KeyType::kDown);
  EXPECT_EQ(editor.selected(), 1);
  Press(editor, KeyType::kRight);
  EXPECT_EQ(editor.text(), "to see");
}

// Inside a word the suggestion may be spelt otherwise; what is right of the
// cursor stays.
TEST(LineEditorTest, TakingReplacesWhatWasTypedOfTheWord) {
  LineEditor editor = Typed("a ger!");
  Press(editor, KeyType::kLeft);
  v1::CompleteResponse response;
  *response.add_suggestions() = MakeSuggestion("German", "German", 0.9, 3);
  editor.Answer("a ger", response);
  EXPECT_EQ(editor.Ghost(), "");
  Press(editor, KeyType::kTab);
  EXPECT_EQ(editor.text(), "a German!");
  EXPECT_EQ(editor.left(), "a German");
}

// An answer that comes late belongs to a text that is gone.
TEST(LineEditorTest, AnAnswerForAnotherTextIsDropped) {
  LineEditor editor = Typed("to");
  editor.Answer("t", GoSeeDo());
  EXPECT_FALSE(editor.suggestions_fit());
  EXPECT_EQ(Press(editor, KeyType::kTab), Outcome::kNothing);
  EXPECT_EQ(editor.text(), "to");
}

// Tab pressed before the next answer must not insert what fitted before.
TEST(LineEditorTest, SuggestionsOfTheTextBeforeCannotBeTaken) {
  LineEditor editor = Typed("to");
  editor.Answer("to", GoSeeDo());
  Type(editor, " ");
  EXPECT_EQ(editor.answer().suggestions_size(), 3);
  EXPECT_EQ(Press(editor, KeyType::kTab), Outcome::kNothing);
  EXPECT_EQ(editor.text(), "to ");
}

TEST(LineEditorTest, EnterAndEscapeEndTheLine) {
  LineEditor editor = Typed("a");
  EXPECT_EQ(Press(editor, KeyType::kEnter), Outcome::kSubmitted);
  EXPECT_EQ(Press(editor, KeyType::kLeave), Outcome::kLeft);
}

}  // namespace
}  // namespace carousel
