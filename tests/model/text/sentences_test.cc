// SPDX-License-Identifier: Apache-2.0

#include "model/text/sentences.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Sentences(absl::string_view text) {
  std::vector<std::string> sentences;
  for (const ByteRange& place : SplitSentences(text)) {
    sentences.emplace_back(TextOf(text, place));
  }
  return sentences;
}

TEST(SentencesTest, EndAtTheirMarks) {
  EXPECT_THAT(Sentences("It rains. Does it? Yes!  So what ..."),
              ElementsAre("It rains.", "Does it?", "Yes!", "So what ..."));
  EXPECT_THAT(Sentences("\"Come in,\" she said. (He came.) Then"),
              ElementsAre("\"Come in,\" she said.", "(He came.)", "Then"));
}

// A title is read with its name.
TEST(SentencesTest, AbbreviationsEndNothing) {
  EXPECT_THAT(Sentences("Dr. Watson met Mr. Holmes. They spoke."),
              ElementsAre("Dr. Watson met Mr. Holmes.", "They spoke."));
  EXPECT_THAT(Sentences("It cost 3.50 in the U.S. last year."),
              ElementsAre("It cost 3.50 in the U.S. last year."));
}

// What stands on lines of its own, a list or a heading, has no marks.
TEST(SentencesTest, EndAtTheEndOfALine) {
  EXPECT_THAT(Sentences("A heading\n\n  one item\r\nanother"),
              ElementsAre("A heading", "one item", "another"));
}

TEST(SentencesTest, OfOtherScriptsAndPlanesAreCutBetweenCharacters) {
  EXPECT_THAT(Sentences("😀 fine. Größer? 你好。再见。"),
              ElementsAre("😀 fine.", "Größer?", "你好。", "再见。"));
  EXPECT_THAT(Sentences("مرحبا. كيف حالك؟"),
              ElementsAre("مرحبا.", "كيف حالك؟"));
}

TEST(SentencesTest, OfNothingThereIsNone) {
  EXPECT_THAT(Sentences(""), IsEmpty());
  EXPECT_THAT(Sentences(" \n\t "), IsEmpty());
  EXPECT_THAT(Sentences(std::string(1, '\0')),
              ElementsAre(std::string(1, '\0')));
}

std::vector<std::string> HalvesOf(absl::string_view text) {
  std::vector<std::string> halves;
  for (const ByteRange half : Halves(text, {0, text.size()})) {
    halves.emplace_back(TextOf(text, half));
  }
  return halves;
}

// Half a clause means less than a whole one.
TEST(HalvesTest, AreCutBehindAMarkNearTheMiddle) {
  EXPECT_THAT(HalvesOf("one two three, four five six seven"),
              ElementsAre("one two three,", "four five six seven"));
}

TEST(HalvesTest, AreCutBehindASpaceWhereMarksAreFarOff) {
  EXPECT_THAT(HalvesOf("a, b c d e f g h i"),
              ElementsAre("a, b c d", "e f g h i"));
}

TEST(HalvesTest, AreCutInsideAWordOnlyWhereThereIsNoSpace) {
  EXPECT_THAT(HalvesOf("éééé"), ElementsAre("éé", "éé"));
  EXPECT_THAT(HalvesOf("é"), IsEmpty());
}

}  // namespace
}  // namespace carousel
