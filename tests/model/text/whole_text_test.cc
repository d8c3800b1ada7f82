// SPDX-License-Identifier: Apache-2.0

#include "model/text/whole_text.h"

#include <numeric>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;

TEST(WholeTextTest, TreebankTokensBecomeWhatPeopleWrite) {
  EXPECT_EQ(JoinTreebankTokens("It 's not bad , I ca n't say more"),
            "It's not bad , I can't say more");
  EXPECT_EQ(JoinTreebankTokens("`` We 'll see '' , he WOULD N'T say ."),
            "\" We'll see \" , he WOULDN'T say .");
  EXPECT_EQ(JoinTreebankTokens("-LRB- 1\\/2 -RRB-"), "( 1/2 )");
}

// Endings join words only: after a mark or at the beginning they stand alone.
TEST(WholeTextTest, EndingsWithoutAWordStayAlone) {
  EXPECT_EQ(JoinTreebankTokens("'s , 's caf\xc3\xa9 's"),
            "'s , 's caf\xc3\xa9's");
}

TEST(WholeTextTest, OrdinaryTextStaysAsItIs) {
  const char* text = "It's not bad, \"really\" (1/2); she'd say: don't.";
  EXPECT_EQ(JoinTreebankTokens(text), text);
}

std::vector<int32_t> Numbers(size_t count) {
  std::vector<int32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// The beginning and, longer, the end.
TEST(WholeTextTest, LongTextsKeepAQuarterOfHeadAndTheirEnd) {
  std::vector<int32_t> tokens = Numbers(20);
  EXPECT_TRUE(CutLongText(8, &tokens));
  EXPECT_THAT(tokens, ElementsAre(0, 1, 14, 15, 16, 17, 18, 19));
}

TEST(WholeTextTest, TextsUpToTheLimitStayWhole) {
  std::vector<int32_t> tokens = Numbers(8);
  EXPECT_FALSE(CutLongText(8, &tokens));
  EXPECT_EQ(tokens, Numbers(8));
}

TEST(WholeTextTest, LimitOfOneKeepsTheLastToken) {
  std::vector<int32_t> tokens = Numbers(3);
  EXPECT_TRUE(CutLongText(1, &tokens));
  EXPECT_THAT(tokens, ElementsAre(2));
}

// A data set that is cut and a person who is not mean the same.
TEST(WholeTextTest, CutAndOrdinaryTextGiveEqualTokens) {
  const Tokenizer tokenizer(
      TokenizerKind::kWords,
      Vocabulary::Create({"<unk>", "<eos>", "<num>", "it", "didn't", "work"})
          .value());
  const auto cut = EncodeWholeText(tokenizer, 10, "It did n't work").value();
  const auto ordinary =
      EncodeWholeText(tokenizer, 10, "It didn\xe2\x80\x99t work").value();
  EXPECT_THAT(cut.tokens, ElementsAre(3, 4, 5, Vocabulary::kEndOfLine));
  EXPECT_EQ(ordinary.tokens, cut.tokens);
  EXPECT_FALSE(cut.cut);
}

// An empty text is one <eos>, so that there is always a step to read.
TEST(WholeTextTest, EmptyTextIsOneEndOfLine) {
  const Tokenizer tokenizer(
      TokenizerKind::kWhitespace,
      Vocabulary::Create({"<unk>", "<eos>", "<num>", "a"}).value());
  EXPECT_THAT(EncodeWholeText(tokenizer, 1, "").value().tokens,
              ElementsAre(Vocabulary::kEndOfLine));
  const auto text = EncodeWholeText(tokenizer, 1, "b a").value();
  EXPECT_THAT(text.tokens, ElementsAre(3, Vocabulary::kEndOfLine));
  EXPECT_TRUE(text.cut);
}

}  // namespace
}  // namespace carousel
