// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/casing.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

constexpr WordPlace kInside = {};
constexpr WordPlace kOpening = {.opens_sentence = true};

TEST(CasingTest, ALineIsLowerCaseAfterThreeWords) {
  // Two words may be lower-case by chance: "my name".
  EXPECT_EQ(LineCasingOf("so what "), LineCasing::kUsual);
  EXPECT_EQ(LineCasingOf("so what now? "), LineCasing::kLower);
  EXPECT_EQ(LineCasingOf("so what now? I "), LineCasing::kUsual);
}

TEST(CasingTest, MarksAreNoWords) {
  EXPECT_EQ(LineCasingOf("... - 12 , ok "), LineCasing::kUsual);
  EXPECT_EQ(LineCasingOf(""), LineCasing::kUsual);
}

TEST(CasingTest, ALineIsUpperCaseAfterTwoWords) {
  // "I" and "OK" are written so by everyone.
  EXPECT_EQ(LineCasingOf("OK I "), LineCasing::kUsual);
  EXPECT_EQ(LineCasingOf("MIX IT "), LineCasing::kUpper);
}

TEST(CasingTest, ASentenceOpensAtTheStartOfALine) {
  EXPECT_TRUE(OpensSentence(""));
  EXPECT_TRUE(OpensSentence("  "));
  EXPECT_TRUE(OpensSentence("\""));
  EXPECT_TRUE(OpensSentence("(\""));
}

TEST(CasingTest, ASentenceOpensAfterAMarkAndASpace) {
  EXPECT_TRUE(OpensSentence("I am. "));
  EXPECT_TRUE(OpensSentence("Am I?  "));
  EXPECT_TRUE(OpensSentence("I am! ("));
}

TEST(CasingTest, NoSentenceOpensElsewhere) {
  EXPECT_FALSE(OpensSentence("I am "));
  EXPECT_FALSE(OpensSentence("I am, "));
  EXPECT_FALSE(OpensSentence("I said \""));  // the model knows better
  EXPECT_FALSE(OpensSentence("www."));
}

TEST(CasingTest, EllipsesAndAbbreviationsDoNotEndASentence) {
  EXPECT_FALSE(OpensSentence("well... "));
  EXPECT_FALSE(OpensSentence("fruit, e.g. "));
}

TEST(CasingTest, TheFirstWordOfASentenceGetsACapital) {
  EXPECT_EQ(SpellNextWord("the", kOpening), "The");
  EXPECT_EQ(SpellNextWord("the", kInside), "the");
  EXPECT_EQ(SpellNextWord("iPhone", kOpening), "iPhone");
}

TEST(CasingTest, TheLinesCasingGoesOn) {
  EXPECT_EQ(SpellNextWord("the", {true, LineCasing::kLower}), "the");
  EXPECT_EQ(SpellNextWord("the", {false, LineCasing::kUpper}), "THE");
  EXPECT_EQ(SpellCompletion("all", "A", {false, LineCasing::kUpper}), "ALL");
  EXPECT_EQ(SpellCompletion("all", "Al", {false, LineCasing::kUpper}), "All");
}

TEST(CasingTest, ACompletionTakesOnTheTypedCasing) {
  EXPECT_EQ(SpellCompletion("hello", "hel", kInside), "hello");
  EXPECT_EQ(SpellCompletion("German", "ger", kInside), "German");
  EXPECT_EQ(SpellCompletion("hello", "Hel", kInside), "Hello");
  EXPECT_EQ(SpellCompletion("hello", "H", kInside), "Hello");
  EXPECT_EQ(SpellCompletion("hello", "HEL", kInside), "HELLO");
}

TEST(CasingTest, AWordKeepsItsOwnCapitals) {
  EXPECT_EQ(SpellCompletion("iPhone", "Iph", kInside), "iPhone");
  EXPECT_EQ(SpellCompletion("USA", "U", kInside), "USA");
  EXPECT_EQ(SpellCompletion("DVDs", "DV", kInside), "DVDs");
}

TEST(CasingTest, TypedMixedCaseIsKeptAndContinued) {
  EXPECT_EQ(SpellCompletion("mcdonald", "McDo", kInside), "McDonald");
  EXPECT_EQ(SpellCompletion("McDonald", "McDo", kInside), "McDonald");
}

}  // namespace
}  // namespace carousel
