// SPDX-License-Identifier: Apache-2.0
//
// Completion after earlier text by the same person.

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/tasks/completion.h"
#include "tests/model/tasks/toy_model.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

// Likeness decides nearly alone.
constexpr ContextSetting kHalf = {.theta = 30, .lambda = 0.5f};

// What followed "hello" there is likely to follow it here.
TEST(CompletionContextTest, WordsOfTheContextAreMoreProbable) {
  ToyModel model({"hello", "world", "there"});
  model.After("hello", {{"world", 0.7}, {"there", 0.3}});
  EXPECT_THAT(model.Words("hello "), ElementsAre("world", "there", "hello"));
  model.Read("hello there", kHalf);
  const auto suggestions = model.Complete("hello ");
  ASSERT_THAT(suggestions, SizeIs(3));
  EXPECT_EQ(suggestions[0].word, "there");
  EXPECT_NEAR(suggestions[0].probability, 0.5 * 0.3 + 0.5, 1e-5);
  EXPECT_NEAR(suggestions[1].probability, 0.5 * 0.7, 1e-5);
}

// After another word something else followed there.
TEST(CompletionContextTest, LikenessOfTheStatesDecidesWhichWord) {
  ToyModel model({"hello", "world", "there", "you"});
  model.After("there", {{"hello", 0.4}, {"world", 0.35}, {"you", 0.25}});
  model.Read("hello there\nthere you", kHalf);
  EXPECT_EQ(model.Complete("there ")[0].word, "you");
  EXPECT_EQ(model.Complete("hello ")[0].word, "there");
}

// A word that the network does not think of at all.
TEST(CompletionContextTest, WordsOfTheContextAreCandidatesThemselves) {
  ToyModel model({"a", "be", "can", "do", "zebra"});
  model.After("a", {{"be", 0.4}, {"can", 0.3}, {"do", 0.3}});
  model.Read("a zebra", {.theta = 30, .lambda = 0.35f});
  for (const auto& suggestions :
       {model.Complete("a ", 3),
        model.CompleteByScores("a ", {.max_suggestions = 3})}) {
    ASSERT_THAT(suggestions, SizeIs(3));
    EXPECT_EQ(suggestions[0].word, "zebra");
    EXPECT_NEAR(suggestions[0].probability, 0.35, 1e-5);
  }
}

// Inside a word too the shares are those of all words: where the network
// expects no word with these letters at all, that of the context is nearly
// sure.
TEST(CompletionContextTest, PartOfAWordIsMixedBeforeItIsNormalised) {
  ToyModel model({"hello", "world", "wide", "there"});
  model.After("hello", {{"world", 0.02}, {"there", 0.98}});
  model.Read("hello wide", kHalf);
  const auto suggestions = model.Complete("hello w");
  ASSERT_THAT(suggestions, SizeIs(2));
  EXPECT_EQ(suggestions[0].insert, "ide");
  EXPECT_NEAR(suggestions[0].probability, 0.5 / (0.5 + 0.5 * 0.02), 1e-5);
  EXPECT_NEAR(suggestions[1].probability, 0.01 / (0.5 + 0.5 * 0.02), 1e-5);
}

// "to" is a word: those after it come from the context too.
TEST(CompletionContextTest, WordsAfterATypedWordAreMixed) {
  ToyModel model({"I", "to", "tomorrow", "go", "you"});
  model.After("I", {{"to", 0.9}, {"tomorrow", 0.1}});
  model.After("I to", {{"go", 1.0}});
  model.Read("to you", kHalf);
  const auto suggestions = model.Complete("I to");
  ASSERT_THAT(suggestions, SizeIs(3));
  EXPECT_EQ(suggestions[0].insert, " go");
  EXPECT_EQ(suggestions[1].insert, " you");
  EXPECT_NEAR(suggestions[1].probability, suggestions[0].probability, 1e-5);
}

TEST(CompletionContextTest, SeveralWordsGoOnAsInTheContext) {
  ToyModel model({"best", "regards", "wishes", "Ann", "Bob"});
  model.After("best", {{"wishes", 0.6}, {"regards", 0.4}});
  model.After("best regards", {{"Bob", 1.0}});
  model.Read("best regards Ann", {.theta = 30, .lambda = 0.8f});
  const auto suggestions =
      model.Complete("best ", {.max_suggestions = 1, .max_words = 3});
  ASSERT_THAT(suggestions, SizeIs(1));
  EXPECT_EQ(suggestions[0].word, "regards Ann");
}

// Spellings that differ in case are one word, wherever they come from.
TEST(CompletionContextTest, SpellingsAreAddedUp) {
  ToyModel model({"a", "the", "The", "be"});
  model.After("a", {{"The", 0.4}, {"be", 0.6}});
  model.Read("a the", {.theta = 30, .lambda = 0.5f});
  for (const auto& suggestions :
       {model.Complete("a "), model.CompleteByScores("a ", {})}) {
    EXPECT_EQ(suggestions[0].word, "the");
    EXPECT_NEAR(suggestions[0].probability, 0.5 + 0.5 * 0.4, 1e-5);
  }
}

// Marks, numbers, unknown words and what the bundle blocks, however often they
// stand there.
TEST(CompletionContextTest, WhatIsNeverOfferedIsNotOfferedFromTheContext) {
  ToyModel model({"a", "b", "damn", "Damn"});
  model.After("a", {{"b", 0.1}, {"damn", 0.9}});
  model.NeverOffer({"damn"});
  model.Read("a damn\na Damn\na .\na 12\na xyzzy\na , a", kHalf);
  for (const auto& suggestions :
       {model.Complete("a "), model.CompleteByScores("a ", {})}) {
    for (const Suggestion& suggestion : suggestions) {
      EXPECT_THAT(suggestion.word, ::testing::AnyOf("a", "b"));
    }
    EXPECT_EQ(suggestions[0].word, "a");  // followed "," and every <eos>
  }
  EXPECT_THAT(model.Complete("a d"), ::testing::IsEmpty());
}

// What the server has of the network is enough to answer as with all of it.
TEST(CompletionContextTest, ScoresGiveWhatAllLogitsGive) {
  std::vector<std::string> words;
  for (char a = 'a'; a <= 'z'; ++a) {
    for (const char* end : {"a", "an", "ann", "b"})
      words.push_back(a + std::string(end));
  }
  Random random(3);
  for (int round = 0; round < 30; ++round) {
    ToyModel model(words);
    const auto word = [&] { return words[random.Below(words.size())]; };
    std::string context;
    for (int i = 0; i < 30; ++i) {
      context += word() + (random.Below(5) == 0 ? "\n" : " ");
    }
    const std::string before = word();
    std::map<std::string, double> table;
    for (int i = 0; i < 20; ++i) table[word()] = random.Uniform(0.01f, 1);
    model.After(before, table);
    model.Read(context, {.theta = 1, .lambda = random.Uniform(0.05f, 0.9f)});
    for (const std::string& text : {before + " ", before + " " + word()[0]}) {
      const CompletionOptions options = {.max_suggestions = 5, .max_words = 2};
      const auto all = model.Complete(text, options);
      const auto scored = model.CompleteByScores(text, options);
      ASSERT_EQ(all.size(), scored.size());
      for (size_t i = 0; i < all.size(); ++i) {
        EXPECT_NEAR(std::log(all[i].probability),
                    std::log(scored[i].probability), 1e-4);
      }
    }
  }
}

}  // namespace
}  // namespace carousel
