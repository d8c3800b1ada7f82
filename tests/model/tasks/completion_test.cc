// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/completion.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/tasks/toy_model.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(CompletionTest, NextWordsComeMostProbableFirst) {
  ToyModel model({"am", "was", "will", "can"});
  model.After("<unk>",
              {{"am", 0.2}, {"was", 0.4}, {"will", 0.3}, {"can", 0.1}});
  EXPECT_THAT(model.Words("Xy "), ElementsAre("was", "will", "am"));
  EXPECT_THAT(model.Words("Xy ", 2), ElementsAre("was", "will"));
}

TEST(CompletionTest, TheProbabilityOfANextWordIsAbsolute) {
  // What is never offered takes its share all the same.
  ToyModel model({"am", "was"});
  model.After("<unk>", {{"am", 0.3}, {".", 0.5}, {"<unk>", 0.2}});
  const auto suggestions = model.Complete("Xy ", 1);
  ASSERT_THAT(suggestions, SizeIs(1));
  EXPECT_EQ(suggestions[0].word, "am");
  EXPECT_EQ(suggestions[0].insert, "am");
  EXPECT_EQ(suggestions[0].replace, 0);
  EXPECT_NEAR(suggestions[0].probability, 0.3, 1e-5);
}

TEST(CompletionTest, SpecialTokensAndMarksAreNeverOffered) {
  ToyModel model({"am"});
  model.After("<unk>", {{"<unk>", 0.3},
                        {"<eos>", 0.2},
                        {"<num>", 0.2},
                        {".", 0.1},
                        {"\"", 0.1},
                        {"am", 0.1}});
  EXPECT_THAT(model.Words("Xy ", 100), ElementsAre("am"));
}

TEST(CompletionTest, TheProbabilityOfACompletionIsConditionedOnWhatIsTyped) {
  ToyModel model({"hello", "help", "world"});
  model.After("", {{"hello", 0.3}, {"help", 0.1}, {"world", 0.6}});
  const auto suggestions = model.Complete("hel");
  ASSERT_THAT(suggestions, SizeIs(2));
  EXPECT_EQ(suggestions[0].word, "hello");
  EXPECT_EQ(suggestions[0].insert, "lo");
  EXPECT_NEAR(suggestions[0].probability, 0.75, 1e-5);
  EXPECT_EQ(suggestions[1].insert, "p");
  EXPECT_NEAR(suggestions[1].probability, 0.25, 1e-5);
}

TEST(CompletionTest, OnlyFinishedWordsAreContext) {
  ToyModel model({"I", "am", "are"});
  model.Words("I a");
  EXPECT_THAT(model.queries(), ElementsAre("I"));
}

TEST(CompletionTest, CaseVariantsAreOneSuggestion) {
  ToyModel model({"the", "The", "this"});
  model.After("<unk>", {{"the", 0.3}, {"The", 0.25}, {"this", 0.4}});
  const auto suggestions = model.Complete("Xy t");
  ASSERT_THAT(suggestions, SizeIs(2));
  EXPECT_EQ(suggestions[0].word, "the");
  EXPECT_NEAR(suggestions[0].probability, 0.55 / 0.95, 1e-5);
}

TEST(CompletionTest, AccentVariantsAreTwoSuggestions) {
  ToyModel model({"resume", "résumé"});
  model.After("<unk>", {{"resume", 0.3}, {"résumé", 0.6}});
  EXPECT_THAT(model.Inserts("My res"), ElementsAre("résumé/3", "ume"));
}

TEST(CompletionTest, TypedAccentsAreKept) {
  ToyModel model({"every", "état", "école"});
  model.After("<unk>", {{"every", 0.9}, {"état", 0.05}, {"école", 0.05}});
  EXPECT_THAT(model.Words("Xy é"), ElementsAre("école", "état"));
}

TEST(CompletionTest, DecomposedTextIsReplacedByItsOwnLength) {
  ToyModel model({"Élan"});
  model.After("<unk>", {{"Élan", 0.9}});
  EXPECT_THAT(model.Inserts("Xy e\u0301l"), ElementsAre("Élan/3"));
}

TEST(CompletionTest, LowerCaseTakesTheModelsSpelling) {
  ToyModel model({"German", "get"});
  model.After("<unk>", {{"German", 0.7}, {"get", 0.3}});
  EXPECT_THAT(model.Inserts("Xy ge"), ElementsAre("German/2", "t"));
}

TEST(CompletionTest, TypedCapitalsAreTakenOn) {
  ToyModel model({"hello"});
  EXPECT_THAT(model.Inserts("Hel"), ElementsAre("lo"));
  EXPECT_THAT(model.Inserts("HEL"), ElementsAre("LO"));
  EXPECT_THAT(model.Words("HEL"), ElementsAre("HELLO"));
}

TEST(CompletionTest, ACapitalInsideASentenceWantsAName) {
  ToyModel model({"the", "Tom"});
  model.After("<unk> <unk>", {{"the", 0.8}, {"Tom", 0.1}});
  EXPECT_THAT(model.Words("Xy met t"), ElementsAre("the", "Tom"));
  EXPECT_THAT(model.Words("Xy met T"), ElementsAre("Tom", "The"));
}

TEST(CompletionTest, ACapitalAtTheStartOfASentenceSaysNothing) {
  ToyModel model({"the", "Tom"});
  model.After("", {{"the", 0.8}, {"Tom", 0.1}});
  EXPECT_THAT(model.Words("T"), ElementsAre("The", "Tom"));
}

TEST(CompletionTest, TheFirstWordOfASentenceGetsACapital) {
  ToyModel model({"the", "iPhone", "ok"});
  for (const char* context : {"", "ok ."}) {
    model.After(context, {{"the", 0.6}, {"iPhone", 0.3}});
  }
  EXPECT_THAT(model.Words("", 2), ElementsAre("The", "iPhone"));
  EXPECT_THAT(model.Words("Ok. ", 2), ElementsAre("The", "iPhone"));
}

TEST(CompletionTest, WhoeverTypesWithoutCapitalsIsLeftAlone) {
  ToyModel model({"the", "that", "is", "ok"});
  model.After("that is ok .", {{"the", 0.9}});
  EXPECT_THAT(model.Words("that is ok. ", 1), ElementsAre("the"));
  EXPECT_THAT(model.Words("That is ok. ", 1), ElementsAre("The"));
}

TEST(CompletionTest, WhoeverTypesInCapitalsGetsCapitals) {
  ToyModel model({"that", "is", "ok"});
  model.After("that is", {{"ok", 0.9}});
  EXPECT_THAT(model.Words("THAT IS ", 1), ElementsAre("OK"));
}

TEST(CompletionTest, TheTypedApostropheIsUsed) {
  ToyModel model({"don't", "it's"});
  model.After("don't", {{"it's", 0.9}});
  EXPECT_THAT(model.Inserts("don"), ElementsAre("'t"));
  EXPECT_THAT(model.Inserts("don’"), ElementsAre("t"));
  EXPECT_THAT(model.Words("don’"), ElementsAre("don’t"));
  EXPECT_THAT(model.Inserts("don’t ", 1), ElementsAre("it’s"));
}

TEST(CompletionTest, AnApostropheThatIsTypedIsPartOfTheWord) {
  ToyModel model({"don", "don't", "done"});
  EXPECT_THAT(model.Words("I don'"), ElementsAre("don't"));
}

TEST(CompletionTest, WhatIsTypedIsNotOffered) {
  // The space bar does the same.
  ToyModel model({"can", "cannot"});
  model.After("<unk>", {{"can", 0.8}, {"cannot", 0.2}});
  EXPECT_THAT(model.Inserts("Xy can", 1), ElementsAre("not"));
}

TEST(CompletionTest, AfterAWholeWordTheNextWordsCompete) {
  ToyModel model({"can", "cannot", "see", "do"});
  model.After("<unk>", {{"can", 0.8}, {"cannot", 0.2}});
  model.After("<unk> can", {{"see", 0.5}, {"do", 0.1}, {".", 0.4}});
  const auto suggestions = model.Complete("Xy can");
  ASSERT_THAT(suggestions, SizeIs(3));
  EXPECT_EQ(suggestions[0].word, "see");
  EXPECT_EQ(suggestions[0].insert, " see");
  EXPECT_NEAR(suggestions[0].probability, 0.8 * 0.5, 1e-5);
  EXPECT_EQ(suggestions[1].insert, "not");
  EXPECT_EQ(suggestions[2].insert, " do");
  EXPECT_THAT(model.queries(), ElementsAre("<unk>", "<unk> can"));
}

TEST(CompletionTest, NextWordsThatCannotRankAreNotComputed) {
  // Their probability is at most that of the typed word.
  ToyModel model({"can", "cannot", "candle", "see"});
  model.After("<unk>", {{"can", 0.1}, {"cannot", 0.5}, {"candle", 0.4}});
  model.Complete("Xy can", 2);
  EXPECT_THAT(model.queries(), ElementsAre("<unk>"));
  model.Complete("Xy can", 3);
  EXPECT_THAT(model.queries(), ElementsAre("<unk>", "<unk> can"));
}

TEST(CompletionTest, AnyCaseOfAWholeWordCounts) {
  ToyModel model({"Can", "can", "see"});
  model.After("", {{"Can", 0.6}, {"can", 0.4}});
  model.After("Can", {{"see", 0.5}});
  const auto suggestions = model.Complete("Can", 1);
  ASSERT_THAT(suggestions, SizeIs(1));
  EXPECT_EQ(suggestions[0].insert, " see");
  EXPECT_NEAR(suggestions[0].probability, 1.0, 1e-5);
}

TEST(CompletionTest, AWordInTheWrongCaseIsCorrected) {
  ToyModel model({"I", "is", "Germany"});
  model.After("<unk>", {{"I", 0.7}, {"is", 0.3}});
  const auto suggestions = model.Complete("Xy i", 2);
  ASSERT_THAT(suggestions, SizeIs(2));
  EXPECT_EQ(suggestions[0].insert, "I");
  EXPECT_EQ(suggestions[0].replace, 1);
  EXPECT_NEAR(suggestions[0].probability, 0.7, 1e-5);
  EXPECT_THAT(model.Inserts("Xy germany", 1), ElementsAre("Germany/7"));
}

TEST(CompletionTest, AfterAMarkTheNextWordBringsItsSpace) {
  ToyModel model({"can", "see", "hello"});
  model.After("can .", {{"see", 0.9}});
  model.After("hello ,", {{"see", 0.9}});
  EXPECT_THAT(model.Inserts("can.", 1), ElementsAre(" See"));
  EXPECT_THAT(model.Inserts("Hello,", 1), ElementsAre(" see"));
  EXPECT_THAT(model.Words("Hello,", 1), ElementsAre("see"));
}

TEST(CompletionTest, AfterAnOpeningMarkNoSpaceIsWanted) {
  ToyModel model({"can", "see"});
  model.After("can \"", {{"see", 0.9}});
  EXPECT_THAT(model.Inserts("can \"", 1), ElementsAre("see"));
  EXPECT_THAT(model.Inserts("can “s", 1), ElementsAre("ee"));
}

TEST(CompletionTest, CompoundsAreCompletedAsOneWord) {
  ToyModel model({"well", "known"});
  model.After("well -", {{"known", 0.9}});
  EXPECT_THAT(model.Inserts("well-kn"), ElementsAre("own"));
  EXPECT_THAT(model.Words("well-kn"), ElementsAre("well-known"));
  EXPECT_THAT(model.Inserts("well-", 1), ElementsAre("known"));
  EXPECT_THAT(model.Words("well-", 1), ElementsAre("well-known"));
}

TEST(CompletionTest, NothingIsOfferedForNumbersAndUnknownWords) {
  ToyModel model({"can"});
  for (const char* text : {"10", "5p", "xqzt", "me@can", "https://c"}) {
    EXPECT_THAT(model.Words(text), IsEmpty()) << text;
    EXPECT_THAT(model.queries(), IsEmpty()) << text;
  }
}

TEST(CompletionTest, AKnownWordAfterAnUnknownOneIsCompleted) {
  ToyModel model({"can"});
  EXPECT_THAT(model.Words("xqzt c"), ElementsAre("can"));
  EXPECT_THAT(model.queries(), ElementsAre("<unk>"));
}

TEST(CompletionTest, EqualProbabilitiesComeInPrefixOrder) {
  ToyModel model({"cd", "cb", "ca", "cc"});
  EXPECT_THAT(model.Words("c", 4), ElementsAre("ca", "cb", "cc", "cd"));
}

TEST(CompletionTest, BoundsOfOptionsAreToldToTheCaller) {
  ToyModel model({"can"});
  for (int count : {-1, 0, 101, 10000}) {
    EXPECT_THAT(
        Completion::Start(model.tokenizer(), "", {.max_suggestions = count}),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr(absl::StrCat("expected 1 to 100, found ", count))));
  }
  EXPECT_THAT(
      Completion::Start(model.tokenizer(), "", {.max_context_tokens = 0}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at least 1")));
  EXPECT_THAT(
      Completion::Start(model.tokenizer(), "a\xc3(", {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("offset 1")));
}

TEST(CompletionTest, TheOldestTokensAreCutInSteps) {
  // A step at a time, so that most queries begin with those before.
  ToyModel model({"a", "b", "c", "d", "e", "f"});
  const auto query = [&](absl::string_view text) {
    const auto completion =
        Completion::Start(model.tokenizer(), text, {.max_context_tokens = 8})
            .value();
    return std::vector<int32_t>(completion.Next()->tokens.begin(),
                                completion.Next()->tokens.end());
  };
  EXPECT_THAT(query("a b c d e f a b "), SizeIs(1 + 8));
  EXPECT_THAT(query("a b c d e f a b c "), SizeIs(1 + 7));
  EXPECT_THAT(query("a b c d e f a b c d "), SizeIs(1 + 8));
  EXPECT_EQ(query("a b c d e f a b c "), query("c d e f a b c "));
}

// Pieces of words are no suggestions, and would be odd ones.
TEST(CompletionTest, SubwordTokenizersAreRefused) {
  const auto pieces = ParsePieces(
      "<unk>\tunigram\n<eos>\t0\n<num>\t0\n▁the\t-1\n▁c\t-2\nat\t-2\n");
  ASSERT_THAT(pieces, IsOk());
  EXPECT_THAT(Completion::Start(Tokenizer(pieces->vocabulary, pieces->pieces),
                                "the c", {}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("cannot complete words")));
}

// "I wo|": "would like to" is nearly sure, "wonder" is not sure of what
// follows.
class PhraseTest : public testing::Test {
 protected:
  PhraseTest() : model_({"I", "would", "wonder", "like", "to", "if", "why"}) {
    model_.After("I", {{"would", 0.6}, {"wonder", 0.4}});
    model_.After("I would", {{"like", 0.9}, {"to", 0.1}});
    model_.After("I would like", {{"to", 0.8}, {"if", 0.2}});
    model_.After("I would like to", {{".", 0.9}, {"like", 0.1}});
    model_.After("I wonder", {{"if", 0.4}, {"why", 0.35}, {".", 0.25}});
  }

  ToyModel model_;
};

TEST_F(PhraseTest, GoesOnWhileItIsConfident) {
  const auto suggestions = model_.Complete("I wo", {.max_words = 4});
  ASSERT_THAT(suggestions, SizeIs(2));
  EXPECT_EQ(suggestions[0].word, "would like to");
  EXPECT_EQ(suggestions[0].insert, "uld like to");
  EXPECT_EQ(suggestions[0].words, 3);
  EXPECT_NEAR(suggestions[0].probability, 0.6 * 0.9 * 0.8, 1e-5);
  EXPECT_NEAR(suggestions[0].confidence(), std::cbrt(0.6 * 0.9 * 0.8), 1e-5);
  EXPECT_EQ(suggestions[1].word, "wonder");
  EXPECT_NEAR(suggestions[1].confidence(), 0.4, 1e-5);
}

TEST_F(PhraseTest, HasNoMoreWordsThanAreAskedFor) {
  EXPECT_THAT(model_.Words("I wo", {.max_words = 2}),
              ElementsAre("would like", "wonder"));
  EXPECT_THAT(model_.Words("I wo", {.max_words = 1}),
              ElementsAre("would", "wonder"));
}

// The threshold decides both: how far it goes, and what is offered at all.
TEST_F(PhraseTest, ThresholdLengthensAndDrops) {
  EXPECT_THAT(model_.Words("I wo", {.max_words = 4, .min_confidence = 0.39}),
              ElementsAre("would like to", "wonder if"));
  EXPECT_THAT(model_.Words("I wo", {.max_words = 4, .min_confidence = 0.74}),
              IsEmpty());
  EXPECT_THAT(model_.Words("I wo", {.max_words = 1, .min_confidence = 0.5}),
              ElementsAre("would"));
}

// Nothing is asked about what is not offered.
TEST_F(PhraseTest, AsksForTheWordsAfterEachSuggestion) {
  model_.Complete("I wo", {.max_words = 3});
  EXPECT_THAT(model_.queries(),
              ElementsAre("I", "I would", "I would like", "I wonder"));
  model_.Complete("I wo", {.max_words = 3, .min_confidence = 0.95});
  EXPECT_THAT(model_.queries(), ElementsAre("I"));
}

// The word typed may be whole already: then the next ones go on after it.
TEST_F(PhraseTest, GoesOnAfterATypedWord) {
  const auto suggestions =
      model_.Complete("I would", {.max_suggestions = 1, .max_words = 2});
  ASSERT_THAT(suggestions, SizeIs(1));
  EXPECT_EQ(suggestions[0].insert, " like to");
}

// As the words of a single suggestion are.
TEST_F(PhraseTest, WordsAreSpeltForTheirPlace) {
  ToyModel model({"it", "isn't", "isn", "so"});
  model.After("<unk>", {{"it", 0.9}});
  model.After("<unk> it", {{"isn't", 0.9}});
  EXPECT_EQ(model.Complete("Don\xe2\x80\x99t ", {.max_words = 2})[0].insert,
            "it isn\xe2\x80\x99t");
  model.After("", {{"it", 0.9}});
  model.After("it", {{"so", 0.9}});
  EXPECT_EQ(model.Complete("", {.max_words = 2})[0].insert, "It so");
}

TEST(CompletionOptionsTest, WordsAndConfidenceHaveBounds) {
  for (const int words : {0, 11, -1}) {
    EXPECT_THAT(CheckOptions({.max_words = words}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("max_words: expected 1 to 10")));
  }
  for (const double confidence : {-0.1, 1.1, std::nan("")}) {
    EXPECT_THAT(CheckOptions({.min_confidence = confidence}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("min_confidence: expected 0 to 1")));
  }
}

}  // namespace
}  // namespace carousel
