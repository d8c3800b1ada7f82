// SPDX-License-Identifier: Apache-2.0
//
// Where the words of a prepared text lie in the text as it was given.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/text/whole_text.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Tokenizer MakeTokenizer(TokenizerKind kind) {
  return Tokenizer(kind,
                   Vocabulary::Create({"<unk>", "<eos>", "<num>"}).value());
}

// Pieces of one letter, so that a word is several.
Tokenizer LetterTokenizer() {
  const std::vector<std::string> tokens = {"<unk>",        "<eos>", "<num>",
                                           "\xe2\x96\x81", "a",     "b"};
  auto vocabulary = Vocabulary::Create(tokens).value();
  auto pieces = Pieces::Create(PieceAlgorithm::kUnigram, vocabulary,
                               std::vector<float>(tokens.size(), -1.0f))
                    .value();
  return Tokenizer(std::move(vocabulary), std::move(pieces));
}

// What stands at the places of the words.
std::vector<std::string> Words(const Tokenizer& tokenizer,
                               const std::string& text, int longest = 1000) {
  std::vector<std::string> words;
  size_t token = 0;
  const auto found = WordsOfWholeText(tokenizer, longest, text).value();
  for (const WholeTextWord& word : found) {
    words.push_back(
        text.substr(word.place.begin, word.place.end - word.place.begin));
    EXPECT_EQ(word.first, token);
    token += word.count;
  }
  const WholeText whole = EncodeWholeText(tokenizer, longest, text).value();
  EXPECT_EQ(token, whole.tokens.size() - 1);  // all but <eos>
  return words;
}

TEST(WholeTextWordsTest, WordsAndMarksStandWhereTheyWereTyped) {
  EXPECT_THAT(Words(MakeTokenizer(TokenizerKind::kWords),
                    "  A good\tfilm, isn't it?\n"),
              ElementsAre("A", "good", "film", ",", "isn't", "it", "?"));
}

// Of nothing but white space there is no place to tell.
TEST(WholeTextWordsTest, WhiteSpaceHasNoWordToStandAnywhere) {
  for (const char* text : {" ", "\t", "\n\n", "\xc2\xa0"}) {
    EXPECT_THAT(Words(MakeTokenizer(TokenizerKind::kWords), text), IsEmpty());
    for (const std::string& word : Words(LetterTokenizer(), text)) {
      EXPECT_EQ(word, "");
    }
  }
}

// What was cut is one word again, and its place goes over the space.
TEST(WholeTextWordsTest, JoinedEndingIsPartOfItsWord) {
  EXPECT_THAT(Words(MakeTokenizer(TokenizerKind::kWords), "I did n't see"),
              ElementsAre("I", "did n't", "see"));
}

// One character by another of other size.
TEST(WholeTextWordsTest, TypographicMarksKeepTheirPlace) {
  EXPECT_THAT(
      Words(MakeTokenizer(TokenizerKind::kWords),
            "\xe2\x80\x9cIt\xe2\x80\x99s\xe2\x80\x9d\xc2\xa0"
            "fun"),
      ElementsAre("\xe2\x80\x9c", "It\xe2\x80\x99s", "\xe2\x80\x9d", "fun"));
}

// Two characters became one: the place is all between the spaces.
TEST(WholeTextWordsTest, ComposedCharactersGiveTheWholeChunk) {
  EXPECT_THAT(Words(MakeTokenizer(TokenizerKind::kWords), "a cafe\xcc\x81, b"),
              ElementsAre("a", "cafe\xcc\x81,", "cafe\xcc\x81,", "b"));
}

TEST(WholeTextWordsTest, TreebankMarksKeepTheirPlace) {
  EXPECT_THAT(Words(MakeTokenizer(TokenizerKind::kWords), "-LRB- so -RRB-"),
              ElementsAre("-LRB-", "so", "-RRB-"));
}

TEST(WholeTextWordsTest, PiecesOfAWordAreOneWord) {
  EXPECT_THAT(Words(LetterTokenizer(),
                    " ab  a\xc2\xa0"
                    "bab "),
              ElementsAre("ab", "a", "bab"));
}

TEST(WholeTextWordsTest, WhitespaceTokensAreTakenAsTheyStand) {
  EXPECT_THAT(
      Words(MakeTokenizer(TokenizerKind::kWhitespace), "a\tn't  caf\xc3\xa9"),
      ElementsAre("a", "n't", "caf\xc3\xa9"));
}

// Of eight tokens the first quarter and the last three are read.
TEST(WholeTextWordsTest, WhatIsCutIsNoWord) {
  EXPECT_THAT(Words(MakeTokenizer(TokenizerKind::kWords), "a b c d e f g h", 4),
              ElementsAre("a", "f", "g", "h"));
  // Of ten pieces the first two, " a", and the last six, "a bbbb".
  EXPECT_THAT(Words(LetterTokenizer(), "aaaa bbbb", 8),
              ElementsAre("a", "a", "bbbb"));
}

TEST(WholeTextWordsTest, EmptyTextHasNone) {
  for (const char* text : {"", " \t\n"}) {
    EXPECT_THAT(Words(MakeTokenizer(TokenizerKind::kWords), text), IsEmpty());
    EXPECT_THAT(Words(LetterTokenizer(), text), IsEmpty());
  }
}

TEST(WholeTextWordsTest, TextThatIsNotUtf8IsRefused) {
  EXPECT_EQ(WordsOfWholeText(MakeTokenizer(TokenizerKind::kWords), 10, "a\xff")
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace carousel
