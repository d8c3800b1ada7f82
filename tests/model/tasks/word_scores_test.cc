// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/word_scores.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/decode/logits.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;

bool All(int) { return true; }

Vocabulary MakeVocabulary(std::vector<std::string> words) {
  words.insert(words.begin(), {"<unk>", "<eos>", "<num>"});
  return Vocabulary::Create(std::move(words)).value();
}

// "aa", "ab", ...
Vocabulary ManyWords() {
  std::vector<std::string> words;
  for (char a = 'a'; a <= 'z'; ++a) {
    for (char b = 'a'; b <= 'z'; ++b) words.push_back({a, b});
  }
  return MakeVocabulary(words);
}

std::vector<float> RandomLogits(int count, uint64_t seed) {
  Random random(seed);
  std::vector<float> logits(static_cast<size_t>(count));
  for (float& logit : logits) logit = random.Uniform(-8, 8);
  return logits;
}

std::vector<int> RanksOf(const WordScores& scores) {
  std::vector<int> ranks;
  for (const WordScores::Score& score : scores.scores) {
    ranks.push_back(score.rank);
  }
  return ranks;
}

TEST(WordScoresTest, LargestLogitsAreKept) {
  const Vocabulary vocabulary = MakeVocabulary({"a", "b", "c"});
  WordScorer scorer(vocabulary, 2);
  scorer.Add(0, std::vector<float>{0, 1, 5, 3, 4, 2}, All);
  EXPECT_THAT(RanksOf(scorer.Take()), ElementsAre(2, 4));
}

TEST(WordScoresTest, WhatIsNotAcceptedOnlyCountsInTheNormaliser) {
  const Vocabulary vocabulary = MakeVocabulary({"a", "b", "c"});
  const std::vector<float> logits = {9, 9, 9, 3, 4, 2};
  WordScorer scorer(vocabulary, 1);
  scorer.Add(0, logits, [](int rank) { return rank >= 3; });
  const WordScores scores = scorer.Take();
  EXPECT_THAT(RanksOf(scores), ElementsAre(4));
  EXPECT_NEAR(scores.log_normaliser, LogSumExp(logits), 1e-6);
}

// No single spelling of "the" is the best token, but the word is.
TEST(WordScoresTest, WordThatWinsByItsSpellingsIsKeptWithAllOfThem) {
  const Vocabulary vocabulary = MakeVocabulary({"cat", "the", "The", "THE"});
  const std::vector<float> logits = {-9, -9, -9, 1.0f, 0.7f, 0.6f, -3};
  WordScorer scorer(vocabulary, 1);
  scorer.Add(0, logits, All);
  EXPECT_THAT(RanksOf(scorer.Take()), ElementsAre(3, 4, 5, 6));
}

TEST(WordScoresTest, FewerWordsThanAskedForAreAll) {
  const Vocabulary vocabulary = MakeVocabulary({"a"});
  WordScorer scorer(vocabulary, 9);
  scorer.Add(0, std::vector<float>{0, 1, 2, 3}, All);
  EXPECT_THAT(RanksOf(scorer.Take()), ElementsAre(0, 1, 2, 3));
}

// However the pieces were shared out, the same bits come out.
TEST(WordScoresTest, ScoresDoNotDependOnWhoSawWhichPiece) {
  const Vocabulary vocabulary = ManyWords();
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<float> logits = RandomLogits(vocabulary.size(), seed);
    const auto add = [&](WordScorer* scorer, int begin) {
      const auto first = static_cast<size_t>(begin);
      scorer->Add(begin, absl::MakeConstSpan(logits).subspan(first, 97), All);
    };
    WordScorer one(vocabulary, 5), first(vocabulary, 5), second(vocabulary, 5);
    Random random(seed);
    for (int begin = 0; begin < vocabulary.size(); begin += 97) {
      add(&one, begin);
      const int backward = (vocabulary.size() - 1) / 97 * 97 - begin;
      add(random.Below(2) == 0 ? &first : &second, backward);
    }
    first.Merge(std::move(second));
    const WordScores expected = one.Take(), found = first.Take();
    EXPECT_EQ(found.log_normaliser, expected.log_normaliser);
    EXPECT_EQ(RanksOf(found), RanksOf(expected));
  }
}

TEST(WordScoresTest, NormaliserIsThatOfAllLogits) {
  const Vocabulary vocabulary = ManyWords();
  const std::vector<float> logits = RandomLogits(vocabulary.size(), 3);
  WordScorer scorer(vocabulary, 3);
  scorer.Add(0, absl::MakeConstSpan(logits).first(300), All);
  scorer.Add(300, absl::MakeConstSpan(logits).subspan(300), All);
  EXPECT_NEAR(scorer.Take().log_normaliser, LogSumExp(logits), 1e-5);
}

TEST(WordScoresTest, ImpossibleTokensAreNoWords) {
  const Vocabulary vocabulary = MakeVocabulary({"a"});
  const float none = -std::numeric_limits<float>::infinity();
  WordScorer scorer(vocabulary, 2);
  scorer.Add(0, std::vector<float>{none, none, none, none}, All);
  const WordScores scores = scorer.Take();
  EXPECT_TRUE(scores.scores.empty());
  EXPECT_EQ(scores.log_normaliser, none);
}

// Near the top or not, in whatever pieces and on whichever thread they come.
TEST(WordScorerTest, WantedRanksAreKept) {
  const Vocabulary vocabulary = ManyWords();
  const auto logits = RandomLogits(vocabulary.size(), 9);
  const std::vector<int> wanted = {0, 17, 299, 300, 678};
  WordScorer low(vocabulary, 1, wanted), high(vocabulary, 1, wanted);
  high.Add(300, absl::MakeConstSpan(logits).subspan(300), All);
  low.Add(0, absl::MakeConstSpan(logits).first(300), All);
  low.Merge(std::move(high));
  const WordScores scores = low.Take();
  ASSERT_EQ(scores.wanted.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(scores.wanted[i].rank, wanted[i]);
    EXPECT_EQ(scores.wanted[i].logit, logits[static_cast<size_t>(wanted[i])]);
  }
}

TEST(WordScoresTest, CoverWhatTheyAreOf) {
  const WordScores scores = {.words = 3, .wanted = {{.rank = 2}, {.rank = 5}}};
  EXPECT_TRUE(scores.Cover(3, {}));
  EXPECT_TRUE(scores.Cover(1, {2, 5}));
  EXPECT_TRUE(scores.Cover(1, {5}));
  EXPECT_FALSE(scores.Cover(4, {}));
  EXPECT_FALSE(scores.Cover(1, {2, 4}));
  EXPECT_FALSE(scores.Cover(1, {5, 6}));
}

}  // namespace
}  // namespace carousel
