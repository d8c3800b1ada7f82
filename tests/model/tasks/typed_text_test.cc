// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/typed_text.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Wish = TypedText::Wish;

class TypedTextTest : public testing::Test {
 protected:
  TypedText Read(absl::string_view text) {
    return ReadTypedText(tokenizer_, text).value();
  }

  std::vector<std::string> Context(absl::string_view text) {
    std::vector<std::string> context;
    for (int32_t id : Read(text).context) {
      context.push_back(tokenizer_.vocabulary().token(id));
    }
    return context;
  }

  const Tokenizer tokenizer_{
      TokenizerKind::kWords,
      Vocabulary::Create({"<unk>", "<eos>", "<num>", ".", ",", "-", "I", "can",
                          "known", "well", "don't", "café", "cafés", "hello",
                          "year", "o'clock", "你好"})
          .value()};
};

TEST_F(TypedTextTest, EmptyTextWantsTheFirstWord) {
  const TypedText typed = Read("");
  EXPECT_EQ(typed.wish, Wish::kNextWord);
  EXPECT_FALSE(typed.needs_space);
  EXPECT_THAT(typed.context, IsEmpty());
}

TEST_F(TypedTextTest, AfterASpaceTheNextWordIsWanted) {
  EXPECT_EQ(Read("I can ").wish, Wish::kNextWord);
  EXPECT_EQ(Read("I can\t").wish, Wish::kNextWord);
  EXPECT_THAT(Context("I can "), ElementsAre("I", "can"));
}

TEST_F(TypedTextTest, OnlyTheLastLineCounts) {
  EXPECT_THAT(Context("hello.\nI can "), ElementsAre("I", "can"));
  EXPECT_THAT(Context("hello\n"), IsEmpty());
  EXPECT_THAT(Context("hello\r\nI "), ElementsAre("I"));
}

TEST_F(TypedTextTest, APartialWordIsNoContext) {
  const TypedText typed = Read("I ca");
  EXPECT_EQ(typed.wish, Wish::kRestOfWord);
  EXPECT_EQ(typed.partial(), "ca");
  EXPECT_EQ(typed.range, tokenizer_.vocabulary().PrefixRange("ca"));
  EXPECT_THAT(Context("I ca"), ElementsAre("I"));
}

TEST_F(TypedTextTest, AWordBeginsAfterOpeningMarks) {
  for (const char* text : {"(hel", "\"hel", "“hel", "‘hel", "¿hel", "I (\"hel",
                           "can[hel", "'hel"}) {
    EXPECT_EQ(Read(text).partial(), "hel") << text;
    EXPECT_EQ(Read(text).wish, Wish::kRestOfWord) << text;
  }
}

TEST_F(TypedTextTest, AnApostropheInsideAWordBelongsToIt) {
  for (const char* text : {"don'", "I don’", "o'c"}) {
    EXPECT_EQ(Read(text).wish, Wish::kRestOfWord) << text;
  }
  EXPECT_EQ(Read("I don’").partial(), "don'");
  EXPECT_TRUE(Read("I don’").curly_apostrophes);
}

TEST_F(TypedTextTest, AMarkFinishesAWord) {
  for (const char* text : {"I can.", "I can,", "I can?!", "\"can\"", "can)"}) {
    EXPECT_EQ(Read(text).wish, Wish::kNextWord) << text;
    EXPECT_TRUE(Read(text).needs_space) << text;
  }
  EXPECT_THAT(Context("I can."), ElementsAre("I", "can", "."));
}

TEST_F(TypedTextTest, AHyphenJoinsTheNextWord) {
  const TypedText typed = Read("I well-");
  EXPECT_EQ(typed.wish, Wish::kNextWord);
  EXPECT_FALSE(typed.needs_space);
  EXPECT_EQ(typed.word_head(), "well-");
  EXPECT_TRUE(Read("I -").needs_space);  // a dash between words
}

TEST_F(TypedTextTest, TheLastPartOfACompoundIsCompleted) {
  const TypedText typed = Read("I well-kn");
  EXPECT_EQ(typed.wish, Wish::kRestOfWord);
  EXPECT_EQ(typed.partial(), "kn");
  EXPECT_EQ(typed.word_head(), "well-");
  EXPECT_THAT(Context("I well-kn"), ElementsAre("I", "well", "-"));
  EXPECT_EQ(Read("10-ye").partial(), "ye");
}

TEST_F(TypedTextTest, UnknownWordsNumbersAndAddressesWantNothing) {
  for (const char* text :
       {"xqzt", "I xqzt", "10", "5p", "3.5", "1/2", "call 555-0100", "a@b",
        "can@", "https://can", "www.ca", "#", "$", "@"}) {
    EXPECT_EQ(Read(text).wish, Wish::kNothing) << text;
  }
}

TEST_F(TypedTextTest, AFinishedNumberIsFollowedByAWord) {
  EXPECT_EQ(Read("10 ").wish, Wish::kNextWord);
  EXPECT_EQ(Read("In 2010,").wish, Wish::kNextWord);
  EXPECT_THAT(Context("10 "), ElementsAre("<num>"));
}

TEST_F(TypedTextTest, WordsWithoutLetterCaseAreWords) {
  EXPECT_EQ(Read("你").wish, Wish::kRestOfWord);
}

TEST_F(TypedTextTest, CodePointsAreThoseOfTheGivenText) {
  EXPECT_EQ(Read("I caf\u00e9").partial_code_points, 4);
  // A combining accent is a code point of its own.
  const TypedText decomposed = Read("I cafe\u0301");
  EXPECT_EQ(decomposed.partial(), "caf\u00e9");
  EXPECT_EQ(decomposed.partial_code_points, 5);
}

TEST_F(TypedTextTest, InvalidUtf8IsRefusedWithItsOffset) {
  // Also where it stands on an earlier line.
  for (const char* text : {"I\xff", "a\xff\nI can "}) {
    EXPECT_THAT(
        ReadTypedText(tokenizer_, text),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("offset 1")));
  }
}

// Looking for the typed end of a text takes the square of its length, so it is
// looked for only where a word of the vocabulary bounds it.
TEST_F(TypedTextTest, EndOfATextIsNotLookedForWhereNothingIsReplaced) {
  std::string text = "#";
  for (int i = 0; i < 1000; ++i) text += "e\u0301";
  const TypedText typed = Read(text);
  EXPECT_EQ(typed.wish, TypedText::Wish::kNothing);
  EXPECT_EQ(typed.partial_code_points, 0);
}

}  // namespace
}  // namespace carousel
