// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/text_tokens.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/tasks/completion.h"
#include "model/tasks/text_translation.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"
#include "tests/testing/tiny_translator.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;

class TextTokensTest : public testing::Test {
 protected:
  static const std::vector<std::string>& Words() {
    static const auto& words = *new std::vector<std::string>{
        "the", "house", "I", "don't", "like", ","};
    return words;
  }

  const Model& LanguageModel() {
    if (language_model_ == nullptr) {
      EXPECT_THAT(WriteTinyBundle(dir_.File("en/1"), Words(), 1), IsOk());
      language_model_ = Model::Load(dir_.File("en/1")).value();
    }
    return *language_model_;
  }

  const Model& Classifier(int longest) {
    EXPECT_THAT(WriteTinyClassifier(dir_.File("mood/1"), Words(),
                                    {.longest_text = longest}),
                IsOk());
    classifier_ = Model::Load(dir_.File("mood/1")).value();
    return *classifier_;
  }

  const Model& Translating(bool pieces = false) {
    const std::string path = dir_.File(pieces ? "fr/2" : "fr/1");
    std::shared_ptr<const Model>& model = translators_[pieces ? 1 : 0];
    if (model == nullptr) {
      EXPECT_THAT(WriteTinyTranslator(path, {.pieces = pieces}), IsOk());
      model = Model::Load(path).value();
    }
    return *model;
  }

  static absl::StatusOr<TextTokens> Read(const Model& model,
                                         const std::string& text,
                                         int max_source = 100) {
    return ReadTextTokens(model, text, max_source);
  }

  // "TOKEN=what stands there" of each.
  static std::vector<std::string> Shown(const TextTokens& read,
                                        const std::string& text) {
    std::vector<std::string> shown;
    for (const TextTokens::Token& token : read.tokens) {
      shown.push_back(absl::StrCat(
          read.tokenizer->vocabulary().token(token.id), "=",
          text.substr(token.place.begin, token.place.end - token.place.begin)));
    }
    return shown;
  }

  TempDir dir_;
  std::shared_ptr<const Model> language_model_;
  std::shared_ptr<const Model> classifier_;
  std::shared_ptr<const Model> translators_[2];
};

// What is shown is what the completion's first query asks for, whatever the
// text.
TEST_F(TextTokensTest, LineIsReadAsItIsCompleted) {
  const Tokenizer& tokenizer = LanguageModel().tokenizer();
  std::string long_line;
  for (int i = 0; i < 700; ++i) long_line += i % 7 == 0 ? "I " : "the ";
  for (const std::string& text :
       {std::string(), std::string("the"), std::string("the "),
        std::string("I like the ho"), std::string("one line\nI like "),
        std::string("\xe2\x80\x9cI don\xe2\x80\x99t, li"),
        std::string("caf\xc3\xa9 12 a@b.org the "), std::string("\n"),
        std::string("e\xcc\x81t\xc3\xa9\xc2\xa0the "), long_line}) {
    const auto read = Read(LanguageModel(), text);
    ASSERT_THAT(read, IsOk());
    const Completion completion =
        Completion::Start(tokenizer, text, {}).value();
    const auto query = completion.Next();
    ASSERT_TRUE(query.has_value()) << text;
    EXPECT_THAT(read->ids(), ElementsAreArray(query->tokens)) << text;
    EXPECT_EQ(read->cut, text == long_line);
  }
}

TEST_F(TextTokensTest, TokensStandWhereTheyWereTyped) {
  const std::string text =
      "old line\nI don\xe2\x80\x99t like cafe\xcc\x81, 12 ho";
  const auto read = Read(LanguageModel(), text);
  ASSERT_THAT(read, IsOk());
  EXPECT_THAT(
      Shown(*read, text),
      ElementsAre("<eos>=", "I=I", "don't=don\xe2\x80\x99t", "like=like",
                  "<unk>=cafe\xcc\x81,", ",=cafe\xcc\x81,", "<num>=12"));
  EXPECT_EQ(read->partial, "ho");
}

// The network is not asked about a number, nor about an address.
TEST_F(TextTokensTest, NothingIsReadWhereNothingIsSuggested) {
  const auto read = Read(LanguageModel(), "I like 12");
  ASSERT_THAT(read, IsOk());
  EXPECT_THAT(read->tokens, IsEmpty());
  EXPECT_EQ(read->partial, "12");
}

TEST_F(TextTokensTest, WholeTextIsReadAsItIsLabelled) {
  const Model& model = Classifier(4);
  for (const std::string text :
       {"", " ", "I like the house", "I do n't like the house , I",
        "\xf0\x9f\x98\x80 the\n\nhouse"}) {
    const auto read = Read(model, text);
    ASSERT_THAT(read, IsOk());
    const auto whole = EncodeWholeText(model.tokenizer(), 4, text).value();
    EXPECT_THAT(read->ids(), ElementsAreArray(whole.tokens)) << text;
    EXPECT_EQ(read->cut, whole.cut) << text;
    EXPECT_EQ(read->partial, "");
  }
  const std::string text = "I do n't like the house , I";
  EXPECT_THAT(Shown(Read(model, text).value(), text),
              ElementsAre("I=I", "house=house", ",=,", "I=I", "<eos>="));
}

// A translator never sees two sentences together.
TEST_F(TextTokensTest, SentencesAreReadAsTheyAreTranslated) {
  const std::string text = " a b.\n\n d! zz c";
  EXPECT_THAT(Shown(Read(Translating(), text).value(), text),
              ElementsAre("a=a", "b=b", ".=.", "<eos>=", "d=d", "!=!",
                          "<eos>=", "<unk>=zz", "c=c", "<eos>="));
  EXPECT_THAT(Read(Translating(), " \n")->tokens, IsEmpty());
  EXPECT_THAT(
      Shown(Read(Translating(/*pieces=*/true), text).value(), text),
      ElementsAre("\u2581a=a", "\u2581b=b", ".=.", "<eos>=", "\u2581d=d", "!=!",
                  "<eos>=", "\u2581=", "<unk>=zz", "\u2581c=c", "<eos>="));
}

// The sources of the sentences that a text is translated by.
std::vector<int32_t> Translated(const TranslatorParts& parts,
                                const std::string& text, int max_source) {
  std::vector<int32_t> sources;
  const auto translation =
      TextTranslation::Start(parts, text,
                             {.beam_size = 1, .max_source = max_source})
          .value();
  Translator::Workspace workspace;
  while (!translation->finished()) {
    for (const SentenceTranslation* sentence : translation->to_read()) {
      sources.insert(sources.end(), sentence->source().begin(),
                     sentence->source().end());
    }
    EXPECT_THAT(
        translation->to_read().empty()
            ? WriteSentences(*parts.network, translation->to_write(),
                             &workspace)
            : ReadSentences(*parts.network, translation->to_read(), &workspace),
        IsOk());
    EXPECT_THAT(translation->Advance(), IsOk());
  }
  return sources;
}

// Whatever the length of a sentence.
TEST_F(TextTokensTest, SourcesAreThoseOfTheTranslation) {
  std::string text;
  for (int i = 0; i < 30; ++i) text += i % 11 == 0 ? "a, b c " : "c d! a ";
  for (const bool pieces : {false, true}) {
    const Model& model = Translating(pieces);
    for (const int max_source : {1, 5, 1000}) {
      const auto read = Read(model, text, max_source);
      ASSERT_THAT(read, IsOk());
      EXPECT_THAT(read->ids(), ElementsAreArray(Translated(model.translator(),
                                                           text, max_source)))
          << max_source;
      EXPECT_FALSE(read->cut);
    }
  }
}

TEST_F(TextTokensTest, LongSourceIsShownInPart) {
  for (const bool sentences : {false, true}) {
    std::string text;
    while (text.size() < 16000) text += sentences ? "a b! " : "a b ";
    const auto read = Read(Translating(), text);
    ASSERT_THAT(read, IsOk());
    EXPECT_TRUE(read->cut);
    EXPECT_EQ(read->tokens.size(), size_t{TextTokens::kMostToTranslate});
  }
}

TEST_F(TextTokensTest, TextThatIsNotUtf8IsRefused) {
  for (const Model* model : {&LanguageModel(), &Translating()}) {
    for (const char* text : {"\xff", "a\xc3", "the \xed\xa0\x80"}) {
      EXPECT_THAT(
          Read(*model, text),
          StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
    }
  }
}

// The work is bounded, also where all is one word that is not as it was typed.
TEST_F(TextTokensTest, LongTextsAreRead) {
  std::string marks;
  while (marks.size() < 60000) marks += "\xe2\x80\x99";
  EXPECT_THAT(Read(LanguageModel(), marks), IsOk());
  EXPECT_THAT(Read(LanguageModel(), std::string(60000, ',')), IsOk());
  const auto read = Read(LanguageModel(), std::string(60000, ','));
  EXPECT_LE(read->tokens.size(), 513u);
}

}  // namespace
}  // namespace carousel
