// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/word_alignment.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Pieces make words, and marks are words of their own.
TEST(WordAlignmentTest, TokensAreJoinedToWords) {
  const std::string text = "Bonjour, le monde.";
  const auto words = WordsOfTokens(
      text, {{0, 3}, {3, 7}, {7, 8}, {8, 11}, {11, 11}, {11, 17}, {17, 18}});
  std::vector<std::string> found;
  std::vector<size_t> counts;
  for (const TokenWord& word : words) {
    found.emplace_back(TextOf(text, word.place));
    counts.push_back(word.count);
  }
  EXPECT_THAT(found, ElementsAre("Bonjour", ",", "le", "monde", "."));
  EXPECT_THAT(counts, ElementsAre(2, 1, 2, 1, 1));
  EXPECT_THAT(WordsOfTokens("", {}), IsEmpty());
  EXPECT_THAT(WordsOfTokens("", {{0, 0}}), IsEmpty());
  const auto late = WordsOfTokens("le", {{0, 0}, {0, 2}});
  ASSERT_EQ(late.size(), 1u);
  EXPECT_EQ(late[0].place, (ByteRange{0, 2}));
  EXPECT_EQ(late[0].count, 2u);
}

// A word's attention is still a distribution.
TEST(WordAlignmentTest, RowsOfWordsAddUpToOne) {
  const std::vector<TokenWord> source = {
      {.place = {0, 3}, .first = 0, .count = 2},
      {.place = {4, 5}, .first = 2, .count = 1}};
  const std::vector<TokenWord> target = {
      {.place = {0, 2}, .first = 0, .count = 2},
      {.place = {3, 4}, .first = 2, .count = 1}};
  const WordAlignment alignment = AlignWords(
      source, target,
      {{0.5f, 0.25f, 0.125f, 0.125f}, {0, 0.5f, 0.5f, 0}, {0, 0, 0, 1}});
  EXPECT_THAT(alignment.source, ElementsAre(ByteRange{0, 3}, ByteRange{4, 5}));
  EXPECT_THAT(
      alignment.weights,
      ElementsAre(ElementsAre(0.625f, 0.3125f, 0.0625f), ElementsAre(0, 0, 1)));
}

}  // namespace
}  // namespace carousel
