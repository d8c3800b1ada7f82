// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/translation_text.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;

Tokenizer WordsOf(const std::vector<std::string>& words,
                  TokenizerKind kind = TokenizerKind::kWords) {
  std::vector<std::string> tokens = {"<unk>", "<eos>", "<num>"};
  tokens.insert(tokens.end(), words.begin(), words.end());
  return Tokenizer(kind, Vocabulary::Create(tokens).value());
}

// What is carried over is what the person wrote, not its token.
TEST(TranslationTextTest, SourceWordsAreKeptAsTheyAreWritten) {
  const auto source =
      ReadSourceWords(WordsOf({"the", "."}), "The 12 Zorks.").value();
  EXPECT_THAT(source.tokens, ElementsAre(3, 2, 0, 4));
  EXPECT_THAT(source.words, ElementsAre("The", "12", "Zorks", "."));
  EXPECT_THAT(ReadSourceWords(WordsOf({}), "\xff"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// Each token is made from where the decoder looked, never from <eos>.
TEST(TranslationTextTest, TokensAreAlignedWhereAttentionIsMost) {
  const SourceWords source = {.tokens = {3, 4}, .words = {"a", "b"}};
  EXPECT_THAT(
      AlignTokens({5, 6}, source, {{0.3f, 0.2f, 0.5f}, {0.1f, 0.2f, 0.7f}}),
      ElementsAre(0, 1));
}

// A number is made from a number, even where attention is elsewhere.
TEST(TranslationTextTest, NumbersComeFromNumbersOneAfterTheOther) {
  const SourceWords source = {.tokens = {2, 3, 2}, .words = {"7", "of", "9"}};
  const std::vector<float> row = {0.3f, 0.5f, 0.2f};
  EXPECT_THAT(AlignTokens({2, 2, 2}, source, {row, row, row}),
              ElementsAre(0, 2, 1));
}

// Without attention they come in turn, and what is too many from nowhere.
TEST(TranslationTextTest, WithoutAttentionUnknownWordsComeInTurn) {
  const SourceWords source = {.tokens = {0, 3, 0}, .words = {"x", "of", "y"}};
  EXPECT_THAT(AlignTokens({0, 4, 0, 0, 2}, source, {}),
              ElementsAre(0, -1, 2, -1, -1));
}

TEST(TranslationTextTest, UnknownWordsAreCarriedOver) {
  const Tokenizer target = WordsOf({"le", "."});
  const SourceWords source = {.tokens = {3, 0, 4},
                              .words = {"the", "Zork", "."}};
  EXPECT_EQ(TargetText(target, {3, 0, 4}, source, {0, 1, 2}), "le Zork.");
  EXPECT_EQ(TargetText(target, {3, 0, 4}, source, {0, -1, 2}), "le.");
}

// Text that is already tokenised stays so.
TEST(TranslationTextTest, WhitespaceTokensKeepTheirSpaces) {
  const Tokenizer target = WordsOf({"le", "."}, TokenizerKind::kWhitespace);
  EXPECT_EQ(TargetText(target, {3, 4}, {}, {}), "le .");
}

// As English and French are written.
TEST(TranslationTextTest, MarksAreJoinedToTheirWords) {
  EXPECT_EQ(JoinWords({"Un", "t", "-", "shirt", ",", "(", "bleu", ")", "."}),
            "Un t-shirt, (bleu).");
  EXPECT_EQ(JoinWords({"He", "said", "\"", "no", "\"", "!"}),
            "He said \"no\"!");
  EXPECT_EQ(JoinWords({}), "");
}

}  // namespace
}  // namespace carousel
