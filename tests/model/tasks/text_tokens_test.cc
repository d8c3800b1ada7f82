// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/text_tokens.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/tasks/completion.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

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
    const auto read = ReadTextTokens(LanguageModel(), text);
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
  const auto read = ReadTextTokens(LanguageModel(), text);
  ASSERT_THAT(read, IsOk());
  EXPECT_THAT(
      Shown(*read, text),
      ElementsAre("<eos>=", "I=I", "don't=don\xe2\x80\x99t", "like=like",
                  "<unk>=cafe\xcc\x81,", ",=cafe\xcc\x81,", "<num>=12"));
  EXPECT_EQ(read->partial, "ho");
}

// The network is not asked about a number, nor about an address.
TEST_F(TextTokensTest, NothingIsReadWhereNothingIsSuggested) {
  const auto read = ReadTextTokens(LanguageModel(), "I like 12");
  ASSERT_THAT(read, IsOk());
  EXPECT_THAT(read->tokens, IsEmpty());
  EXPECT_EQ(read->partial, "12");
}

TEST_F(TextTokensTest, WholeTextIsReadAsItIsLabelled) {
  const Model& model = Classifier(4);
  for (const std::string text :
       {"", " ", "I like the house", "I do n't like the house , I",
        "\xf0\x9f\x98\x80 the\n\nhouse"}) {
    const auto read = ReadTextTokens(model, text);
    ASSERT_THAT(read, IsOk());
    const auto whole = EncodeWholeText(model.tokenizer(), 4, text).value();
    EXPECT_THAT(read->ids(), ElementsAreArray(whole.tokens)) << text;
    EXPECT_EQ(read->cut, whole.cut) << text;
    EXPECT_EQ(read->partial, "");
  }
  const std::string text = "I do n't like the house , I";
  EXPECT_THAT(Shown(ReadTextTokens(model, text).value(), text),
              ElementsAre("I=I", "house=house", ",=,", "I=I", "<eos>="));
}

TEST_F(TextTokensTest, TextThatIsNotUtf8IsRefused) {
  for (const char* text : {"\xff", "a\xc3", "the \xed\xa0\x80"}) {
    EXPECT_THAT(
        ReadTextTokens(LanguageModel(), text),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
  }
}

// The work is bounded, also where all is one word that is not as it was typed.
TEST_F(TextTokensTest, LongTextsAreRead) {
  std::string marks;
  while (marks.size() < 60000) marks += "\xe2\x80\x99";
  EXPECT_THAT(ReadTextTokens(LanguageModel(), marks), IsOk());
  EXPECT_THAT(ReadTextTokens(LanguageModel(), std::string(60000, ',')), IsOk());
  const auto read = ReadTextTokens(LanguageModel(), std::string(60000, ','));
  EXPECT_LE(read->tokens.size(), 513u);
}

}  // namespace
}  // namespace carousel
