// SPDX-License-Identifier: Apache-2.0
#include "client/cli/frame.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"

namespace carousel {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

LineEditor Typed(absl::string_view bytes) {
  LineEditor editor;
  for (const Key& key : KeyDecoder().Feed(bytes)) editor.Apply(key);
  return editor;
}

LineEditor WithSuggestions() {
  LineEditor editor = Typed("to");
  v1::CompleteResponse response;
  *response.add_suggestions() = MakeSuggestion("go", " go", 0.625);
  *response.add_suggestions() = MakeSuggestion("see", " see", 0.08);
  editor.Answer("to", response);
  return editor;
}

// A frame replaces the one before and leaves the cursor behind what was typed,
// in the first line, where the next one begins.
TEST(FrameTest, DrawsTheLineTheSuggestionsAndTheStatus) {
  EXPECT_EQ(RenderFrame(WithSuggestions(), "1.0 ms", 80),
            "\r\x1b[J> to\x1b[2m go\x1b[0m\r\n"
            "\x1b[7m  62.5%  go \x1b[0m\r\n"
            "   8.0%  see \r\n"
            "\x1b[2m1.0 ms\x1b[0m"
            "\x1b[3A\r\x1b[4C");
}

// They are kept, greyed, against flicker; what Tab would add is not known.
TEST(FrameTest, SuggestionsOfTheTextBeforeAreGreyed) {
  LineEditor editor = WithSuggestions();
  editor.Apply({KeyType::kText, "!"});
  const std::string frame = RenderFrame(editor, "", 80);
  EXPECT_THAT(frame, StartsWith("\r\x1b[J> to!\r\n\x1b[2m  62.5%  go"));
}

// What does not fit is left out, how to leave last of all.
TEST(FrameTest, TheStatusSaysHowToLeaveAtAnyWidth) {
  const std::string keys =
      "  Tab takes, Up and Down choose, Enter ends the line, Esc leaves";
  const std::string model = "autocomplete-en/12";
  EXPECT_EQ(StatusLine("16.5 ms", model, 120), "  16.5 ms  " + model + keys);
  EXPECT_EQ(StatusLine("16.5 ms", model, 80), "  16.5 ms" + keys);
  EXPECT_EQ(StatusLine("16.5 ms", model, 70), keys);
  EXPECT_EQ(StatusLine("16.5 ms", model, 40), "  Tab takes, Esc leaves");
  EXPECT_EQ(StatusLine("16.5 ms", model, 12), "Esc leaves");
  EXPECT_EQ(StatusLine("", "", 80), keys);  // before the first answer
  for (int columns = 11; columns < 150; ++columns) {
    EXPECT_THAT(
        RenderFrame(Typed("a"), StatusLine("16.5 ms", model, columns), columns),
        HasSubstr("Esc leaves\x1b[0m"))
        << columns;
  }
  EXPECT_THAT(RenderFrame(Typed("a"), ErrorLine("no server answers"), 20),
              HasSubstr("  Esc leaves; no se\x1b[0m"));
}

// A line that wraps would leave its remains on the screen.
TEST(FrameTest, ALongTextShowsThePartAtTheCursor) {
  const LineEditor editor = Typed("the quick brown fox");
  const std::string frame = RenderFrame(editor, "a long status line", 10);
  EXPECT_THAT(frame, StartsWith("\r\x1b[J> own fox\r\n"));
  EXPECT_THAT(frame, HasSubstr("\x1b[2ma long st\x1b[0m"));
  EXPECT_THAT(frame, Not(HasSubstr("quick")));
}

// The cursor is placed by columns, not by bytes.
TEST(FrameTest, TheCursorStandsBehindWideCharacters) {
  EXPECT_THAT(RenderFrame(Typed("日本"), "", 80), EndsWith("\r\x1b[6C"));
}

// A model's words come from its training text, which is nobody's guarantee.
TEST(FrameTest, ControlCharactersOfASuggestionAreNotSent) {
  LineEditor editor = Typed("a");
  v1::CompleteResponse response;
  *response.add_suggestions() = MakeSuggestion("\x1b]x", "\x1b]x", 0.5);
  editor.Answer("a", response);
  EXPECT_THAT(RenderFrame(editor, "", 80), Not(HasSubstr("\x1b]")));
}

}  // namespace
}  // namespace carousel
