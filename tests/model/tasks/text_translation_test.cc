// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/text_translation.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_translator.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class TextTranslationTest : public ::testing::Test {
 protected:
  std::unique_ptr<TextTranslation> Start(const std::string& text,
                                         const TranslationOptions& options) {
    return TextTranslation::Start(parts_, text, options).value();
  }

  void Step(TextTranslation* text) {
    const Translator& network = *parts_.network;
    ASSERT_THAT(text->to_read().empty()
                    ? WriteSentences(network, text->to_write(), &workspace_)
                    : ReadSentences(network, text->to_read(), &workspace_),
                IsOk());
    ASSERT_THAT(text->Advance(), IsOk());
  }

  TranslatedText Translate(const std::string& text,
                           const TranslationOptions& options = {}) {
    const auto translation = Start(text, options);
    while (!translation->finished()) Step(translation.get());
    return translation->Take();
  }

  const TranslatorParts parts_ = TinyTranslator();
  Translator::Workspace workspace_;
};

// A paragraph keeps its form.
TEST_F(TextTranslationTest, SentencesKeepTheirSpacing) {
  const TranslatedText whole = Translate("  a b!  c!\n\nd a\t");
  ASSERT_EQ(whole.sentences.size(), 3u);
  EXPECT_EQ(whole.text, "  " + Translate("a b!").text + "  " +
                            Translate("c!").text + "\n\n" +
                            Translate("d a").text + "\t");
  EXPECT_EQ(whole.sentences[1].place, (ByteRange{8, 10}));
}

TEST_F(TextTranslationTest, TextWithoutSentencesStaysAsItIs) {
  for (const char* text : {"", " ", "\n\t \n"}) {
    EXPECT_TRUE(Start(text, {})->finished());
    EXPECT_EQ(Translate(text).text, text);
    EXPECT_FALSE(Translate(text).truncated());
  }
}

// Nobody has to know how much a network can take at once.
TEST_F(TextTranslationTest, LongSentencesAreCutFurther) {
  std::string text = "a b c d";
  for (int i = 0; i < 4; ++i) text += ", " + text;
  const TranslatedText whole = Translate(text, {.max_source = 5});
  EXPECT_GE(whole.sentences.size(), 16u);
  for (const TranslatedSentence& sentence : whole.sentences) {
    const auto words =
        ReadSourceWords(parts_.source_tokenizer, TextOf(text, sentence.place));
    EXPECT_LE(words->tokens.size(), 5u);
  }
  EXPECT_THAT(
      TextTranslation::Start(parts_, "a b", {.max_source = 0}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("max_source")));
}

// Memory is bounded whatever the length of a text, and its beginning comes
// first.
TEST_F(TextTranslationTest, FewSentencesAreOpenAtATime) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "a b c! ";
  const auto translation = Start(text, {.beam_size = 8});
  EXPECT_EQ(translation->to_read().size(), 8u);  // by the rows
  EXPECT_EQ(Start(text, {.beam_size = 1})->to_read().size(), 25u);  // tokens
  const int64_t left = translation->cells_left();
  EXPECT_GE(left, 200 * 8);
  while (!translation->finished()) {
    ASSERT_LE(translation->to_write().size(), 8u);
    EXPECT_GE(translation->cells(), 1);
    EXPECT_LE(translation->cells(), TextTranslation::kOpenRows);
    Step(translation.get());
  }
  EXPECT_LT(translation->cells_left(), left);
  EXPECT_EQ(translation->Take().sentences.size(), 200u);
}

// Who reads along is never told anything that is not so in the end.
TEST_F(TextTranslationTest, CertainTextGrowsToTheWhole) {
  std::string text = " b a.";
  for (int i = 0; i < 30; ++i) text += " a b c!\nd c!";
  const auto translation = Start(text, {.beam_size = 3});
  std::vector<std::string> told;
  while (!translation->finished()) {
    told.push_back(translation->CertainText());
    Step(translation.get());
  }
  const std::string all_certain = translation->CertainText();
  const std::string whole = translation->Take().text;
  EXPECT_EQ(all_certain, whole);
  size_t length = 0;
  for (const std::string& certain : told) {
    EXPECT_THAT(whole, StartsWith(certain));
    EXPECT_GE(certain.size(), length);
    length = certain.size();
  }
  EXPECT_GT(length, whole.size() / 2) << "told too late";
}

// An answer of any text has a bound.
TEST_F(TextTranslationTest, AnswersAreBounded) {
  std::string text;
  for (int i = 0; i < 1024; ++i) text += "a!\n";
  EXPECT_THAT(
      TextTranslation::Start(parts_, text, {.beam_size = 4, .n_best = 4}),
      IsOk());
  EXPECT_THAT(
      TextTranslation::Start(parts_, text, {.beam_size = 5, .n_best = 5}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("1024 sentences with 5 each")));
}

// Marks without end make the largest alignments that there are.
TEST_F(TextTranslationTest, AlignmentsAreBounded) {
  const std::string text(16000, ',');
  const auto translation =
      Start(text, {.beam_size = 1, .max_source = 100, .align = true});
  const Translator& network = *parts_.network;
  absl::Status status;
  while (status.ok() && !translation->finished()) {
    status = translation->to_read().empty()
                 ? WriteSentences(network, translation->to_write(), &workspace_)
                 : ReadSentences(network, translation->to_read(), &workspace_);
    status.Update(translation->Advance());
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("alignments")));
}

// Out of time, what there is so far is better than nothing.
TEST_F(TextTranslationTest, StoppedTextHasTheBestSoFar) {
  const auto translation = Start("a b c! d a b!", {});
  for (int i = 0; i < 2; ++i) Step(translation.get());
  ASSERT_FALSE(translation->finished());
  const TranslatedText part = translation->Take();
  EXPECT_TRUE(part.truncated());
  EXPECT_EQ(part.sentences.size(), 2u);
  EXPECT_GT(translation->tokens_fed(), 0);
}

TEST_F(TextTranslationTest, TextThatIsNotUtf8IsRefused) {
  EXPECT_THAT(TextTranslation::Start(parts_, "a \xFF", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
}

}  // namespace
}  // namespace carousel
