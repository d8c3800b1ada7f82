// SPDX-License-Identifier: Apache-2.0

#include "model/train/held_out_lines.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

// The same sentence, spelt by another hand, gives a dev set away as well.
TEST(HeldOutLinesTest, ComparesWithoutCasePunctuationAccentsAndSpace) {
  HeldOutLines lines;
  lines.Add("It's a lovely caf\u00e9, isn't it?");
  EXPECT_TRUE(lines.Contains("its a LOVELY cafe \u2013 isnt it"));
  EXPECT_FALSE(lines.Contains("it is a lovely cafe"));
}

// The model sees every number as one token.
TEST(HeldOutLinesTest, NumbersAreAllAlike) {
  HeldOutLines lines;
  lines.Add("Call 555 at 10:30.");
  EXPECT_TRUE(lines.Contains("call 7 at 9"));
  EXPECT_FALSE(lines.Contains("call at"));
}

// Blank lines and rules are in every text.
TEST(HeldOutLinesTest, LinesWithoutLettersAreNeverHeldOut) {
  HeldOutLines lines;
  lines.Add("");
  lines.Add("...");
  lines.Add("word");
  EXPECT_FALSE(lines.Contains("..."));
  EXPECT_FALSE(lines.Contains(""));
}

// Dialogues say the same sentence among others: it is as well known then.
TEST(HeldOutLinesTest, LongerSentenceOfALineGivesItAway) {
  HeldOutLines lines;
  lines.Add("I need a table for two people tonight.");
  lines.Add("Hello there! Would you like to book the usual hotel room?");
  EXPECT_TRUE(lines.Contains("Hi. I need a table for two people tonight! Bye"));
  EXPECT_TRUE(lines.Contains("would you like to book the usual hotel room"));
  EXPECT_TRUE(lines.Contains(
      "Sure. Would you like to book the usual hotel room? Say yes."));
  EXPECT_FALSE(
      lines.Contains("Would you like to book the usual hotel room again? No."));
}

// "Thank you" is in every dialogue; without it little would be left.
TEST(HeldOutLinesTest, ShortSentencesGiveNothingAway) {
  HeldOutLines lines;
  lines.Add("Thank you.");
  lines.Add("Good morning. That is all that I need today, many thanks.");
  EXPECT_TRUE(lines.Contains("thank you"));
  EXPECT_FALSE(lines.Contains("Thank you. See you next week."));
  EXPECT_FALSE(lines.Contains("good morning"));
}

// A point inside a word or number ends nothing.
TEST(HeldOutLinesTest, SentencesEndBeforeWhiteSpaceOnly) {
  HeldOutLines lines;
  lines.Add("see example.com/a/very/long/address/of/a/page for more");
  EXPECT_FALSE(lines.Contains("com/a/very/long/address/of/a/page for more"));
  EXPECT_TRUE(
      lines.Contains("No! See example.com/a/very/long/address/of/a/page for "
                     "more"));
}

}  // namespace
}  // namespace carousel
