// SPDX-License-Identifier: Apache-2.0

#include "model/train/word_counter.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using testing::ElementsAre;

// The vocabulary must not depend on the order of a hash map.
TEST(WordCounterTest, MostFrequentFirstAndEqualCountsByText) {
  WordCounter counter;
  for (const char* word : {"b", "c", "a", "c"}) counter.Add(word, 1);
  EXPECT_THAT(counter.MostFrequent(100, 1),
              ElementsAre("<unk>", "<eos>", "<num>", "c", "a", "b"));
}

// A word seen once is as good as unknown, and may be somebody's secret.
TEST(WordCounterTest, LeavesOutWhatIsTooRare) {
  WordCounter counter;
  counter.Add("often", 2);
  counter.Add("once", 1);
  EXPECT_THAT(counter.MostFrequent(100, 2),
              ElementsAre("<unk>", "<eos>", "<num>", "often"));
}

// The size is that of the output layer.
TEST(WordCounterTest, SizeCountsTheSpecialTokens) {
  WordCounter counter;
  counter.Add("a", 3);
  counter.Add("b", 2);
  EXPECT_THAT(counter.MostFrequent(4, 1),
              ElementsAre("<unk>", "<eos>", "<num>", "a"));
}

// Masked words arrive as special tokens; a vocabulary lists those once.
TEST(WordCounterTest, SpecialTokensInTheTextAreNotListedAgain) {
  WordCounter counter;
  counter.Add("<num>", 9);
  counter.Add("a", 1);
  EXPECT_THAT(counter.MostFrequent(100, 1),
              ElementsAre("<unk>", "<eos>", "<num>", "a"));
}

// Memory is bounded, and what matters survives.
TEST(WordCounterTest, ForgetsTheRarestWhenFull) {
  WordCounter counter(/*max_distinct=*/8);
  counter.Add("a", 5);
  counter.Add("b", 4);
  for (char c = 'g'; c <= 'z'; ++c) counter.Add(std::string(1, c), 1);
  const auto words = counter.MostFrequent(100, 1);
  EXPECT_LE(words.size(), 3u + 8u);
  EXPECT_EQ(words[3], "a");
  EXPECT_EQ(words[4], "b");
}

}  // namespace
}  // namespace carousel
