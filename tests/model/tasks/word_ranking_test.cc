// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/word_ranking.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/text/normalise.h"

namespace carousel {
namespace {

using testing::ElementsAre;

Vocabulary MakeVocabulary(const std::vector<std::string>& words) {
  std::vector<std::string> tokens = {"<unk>", "<eos>", "<num>"};
  tokens.insert(tokens.end(), words.begin(), words.end());
  return Vocabulary::Create(tokens).value();
}

std::vector<float> LogProbabilities(
    const Vocabulary& vocabulary,
    const std::vector<std::pair<std::string, double>>& probabilities) {
  std::vector<float> logits(static_cast<size_t>(vocabulary.size()), -30.0f);
  for (const auto& [token, probability] : probabilities) {
    logits[vocabulary.rank_of(*vocabulary.Find(token))] =
        static_cast<float>(std::log(probability));
  }
  return logits;
}

std::vector<std::string> Rank(const Vocabulary& vocabulary,
                              const std::vector<float>& logits, int count) {
  std::vector<std::string> words;
  const WordRanking ranking =
      RankWords(vocabulary, {0, vocabulary.size()}, logits, count,
                [&](int32_t id) { return vocabulary.may_be_offered(id); });
  for (const RankedWord& word : ranking.words) {
    words.push_back(vocabulary.token(word.id));
  }
  return words;
}

TEST(WordRankingTest, SpellingsOfAWordAddUp) {
  const Vocabulary vocabulary = MakeVocabulary({"the", "The", "cat"});
  const auto logits = LogProbabilities(
      vocabulary, {{"the", 0.2}, {"The", 0.3}, {"cat", 0.4}, {"<eos>", 0.1}});
  const WordRanking ranking =
      RankWords(vocabulary, {0, vocabulary.size()}, logits, 2,
                [](int32_t) { return true; });
  ASSERT_EQ(ranking.words.size(), 2u);
  EXPECT_EQ(vocabulary.token(ranking.words[0].id), "The");
  EXPECT_NEAR(ranking.words[0].probability, 0.5, 1e-5);
  EXPECT_NEAR(ranking.words[1].probability, 0.4, 1e-5);
}

TEST(WordRankingTest, WordsThatDifferInAccentsStayApart) {
  const Vocabulary vocabulary = MakeVocabulary({"resume", "résumé", "Résumé"});
  const auto logits = LogProbabilities(
      vocabulary, {{"resume", 0.4}, {"résumé", 0.35}, {"Résumé", 0.25}});
  EXPECT_THAT(Rank(vocabulary, logits, 3), ElementsAre("résumé", "resume"));
}

TEST(WordRankingTest, EqualWordsComeInPrefixOrder) {
  const Vocabulary vocabulary = MakeVocabulary({"c", "bb", "ab", "ca"});
  const auto logits =
      LogProbabilities(vocabulary, {{"bb", 0.25}, {"ab", 0.25}, {"ca", 0.25}});
  EXPECT_THAT(Rank(vocabulary, logits, 3), ElementsAre("ab", "bb", "ca"));
}

// The slow, obvious way: add up every word of the vocabulary, then sort.
std::vector<std::pair<double, std::string>> SlowRanking(
    const Vocabulary& vocabulary, const std::vector<float>& logits) {
  double sum = 0;
  std::map<std::string, double> words;
  for (int rank = 0; rank < vocabulary.size(); ++rank) {
    const double weight = std::exp(static_cast<double>(logits[rank]));
    sum += weight;
    const int32_t id = vocabulary.id_at(rank);
    if (vocabulary.may_be_offered(id)) {
      words[ToLower(vocabulary.token(id))] += weight;
    }
  }
  std::vector<std::pair<double, std::string>> sorted;
  for (const auto& [word, weight] : words)
    sorted.push_back({weight / sum, word});
  std::sort(sorted.rbegin(), sorted.rend());
  return sorted;
}

TEST(WordRankingTest, AgreesWithTheSlowRanking) {
  // Flat and peaked distributions, with up to four spellings of a word.
  Random random(1);
  std::vector<std::string> words;
  for (char a = 'a'; a <= 'z'; ++a) {
    for (char b = 'a'; b <= 'z'; ++b) {
      const std::string word = {a, b};
      words.push_back(word);
      if (random.Below(2) == 0) words.push_back(ToTitle(word));
      if (random.Below(4) == 0) words.push_back(ToUpper(word));
      if (random.Below(8) == 0) words.push_back(word.substr(0, 1) + "É");
      if (random.Below(8) == 0) words.push_back(word.substr(0, 1) + "é");
    }
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  const Vocabulary vocabulary = MakeVocabulary(words);
  for (float scale : {0.1f, 1.0f, 5.0f}) {
    std::vector<float> logits(static_cast<size_t>(vocabulary.size()));
    for (float& logit : logits) logit = random.Uniform(-scale, scale);
    const auto slow = SlowRanking(vocabulary, logits);
    const WordRanking fast =
        RankWords(vocabulary, {0, vocabulary.size()}, logits, 20,
                  [&](int32_t id) { return vocabulary.may_be_offered(id); });
    ASSERT_EQ(fast.words.size(), 20u);
    for (size_t i = 0; i < fast.words.size(); ++i) {
      EXPECT_NEAR(fast.words[i].probability, slow[i].first, 1e-6);
      EXPECT_EQ(ToLower(vocabulary.token(fast.words[i].id)), slow[i].second);
    }
  }
}

}  // namespace
}  // namespace carousel
