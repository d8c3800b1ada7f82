// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_texts.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;

TEST(RandomTextsTest, TextHasSoManyWordsAndAsksForTheNext) {
  RandomTexts texts(3, 0, 1);
  for (int i = 0; i < 100; ++i) {
    const std::string text = texts.Next();
    EXPECT_EQ(std::count(text.begin(), text.end(), ' '), 3) << text;
    EXPECT_THAT(text, EndsWith(" "));
  }
}

// Else a cache would answer, and the load would measure the cache.
TEST(RandomTextsTest, TextsHardlyEverComeTwice) {
  std::set<std::string> seen;
  for (uint64_t user = 0; user < 20; ++user) {
    RandomTexts texts(3, user, 1);
    for (int i = 0; i < 200; ++i) seen.insert(texts.Next());
  }
  EXPECT_GT(seen.size(), 3950u);
}

TEST(RandomTextsTest, SeedDecidesTheTexts) {
  EXPECT_EQ(RandomTexts(3, 5, 1).Next(), RandomTexts(3, 5, 1).Next());
  EXPECT_NE(RandomTexts(3, 5, 1).Next(), RandomTexts(3, 5, 2).Next());
}

TEST(TypedLinesTest, LinesAreTypedCharacterByCharacter) {
  const std::vector<std::string> lines = {"ab", "né!"};
  TypedLines typed(lines, 0);
  std::vector<std::string> texts;
  for (int i = 0; i < 6; ++i) texts.push_back(typed.Next());
  EXPECT_THAT(texts, ElementsAre("a", "ab", "n", "né", "né!", "a"));
}

TEST(TypedLinesTest, UsersBeginAtDifferentLines) {
  const std::vector<std::string> lines = {"ab", "cd", "ef"};
  EXPECT_EQ(TypedLines(lines, 1).Next(), "c");
  EXPECT_EQ(TypedLines(lines, 5).Next(), "e");
}

}  // namespace
}  // namespace carousel
