// SPDX-License-Identifier: Apache-2.0
#include "client/cli/utf8.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

// "é" as e and a combining acute: one character, one column, three bytes.
constexpr absl::string_view kCombined = "e\xCC\x81";

// Backspace must not leave a mark without its letter.
TEST(Utf8Test, ACharacterIncludesItsMarks) {
  const std::string text = absl::StrCat("a", kCombined, "b");
  EXPECT_EQ(PreviousCharacter(text, 4), 1);
  EXPECT_EQ(NextCharacter(text, 1), 4);
  EXPECT_EQ(PreviousCharacter(text, 0), 0);
  EXPECT_EQ(NextCharacter(text, text.size()), text.size());
}

// The cursor is placed by columns: a wide character takes two.
TEST(Utf8Test, ColumnsCountWideCharactersTwiceAndMarksNever) {
  EXPECT_EQ(Columns("abc"), 3);
  EXPECT_EQ(Columns("日本"), 4);
  EXPECT_EQ(Columns(kCombined), 1);
  EXPECT_EQ(Columns(""), 0);
}

// Half a wide character cannot be drawn.
TEST(Utf8Test, CuttingNeverSplitsACharacter) {
  EXPECT_EQ(FirstColumns("日本語", 5), "日本");
  EXPECT_EQ(LastColumns("日本語", 5), "本語");
  EXPECT_EQ(LastColumns("abc", 10), "abc");
  EXPECT_EQ(FirstColumns("abc", 0), "");
}

// `replace` counts code points, whatever their size in bytes.
TEST(Utf8Test, DroppingCountsCodePoints) {
  EXPECT_EQ(DropLastCodePoints("naïve", 3), "na");
  EXPECT_EQ(DropLastCodePoints("ab", 5), "");
  EXPECT_EQ(DropLastCodePoints("ab", 0), "ab");
}

// A text or a server must not be able to steer the terminal.
TEST(Utf8Test, PrintableReplacesControlsAndBadBytes) {
  EXPECT_EQ(Printable("a\x1b[2Jb\nc\xff"), "a\uFFFD[2Jb\uFFFDc\uFFFD");
  EXPECT_EQ(Printable("naïve 日本"), "naïve 日本");
}

}  // namespace
}  // namespace carousel
