// SPDX-License-Identifier: Apache-2.0
//
// ModelService.Explain: how models read texts.

#include <latch>
#include <string>

#include "gmock/gmock.h"
#include "server/core/autocomplete.h"
#include "tests/server/core/bad_field.h"
#include "tests/server/core/models_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_translator.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(ModelCoreTest, ExplainNeedsItsFlag) {
  Write("en/1");
  Start();
  EXPECT_THAT(Explain("the"), StatusIs(absl::StatusCode::kFailedPrecondition,
                                       HasSubstr("--allow_explain")));
}

// Places count characters, of the text as it was sent; the line above is not
// read.
TEST_F(ModelCoreTest, ExplainShowsTheTokensOfALine) {
  Write("en/1");
  StartWithAll();
  const auto response = Explain("caf\xc3\xa9\nthe \xc3\xa9t\xc3\xa9 12 ho");
  ASSERT_THAT(response, IsOk());
  EXPECT_THAT(Tokens(*response), ElementsAre("<eos> 5-5", "the 5-8",
                                             "<unk> 9-12 ?", "<num> 13-15"));
  EXPECT_EQ(response->tokens(2).text(), "\xc3\xa9t\xc3\xa9");
  EXPECT_EQ(response->partial(), "ho");
  EXPECT_FALSE(response->cut());
  EXPECT_EQ(response->model().name(), "en");
  EXPECT_EQ(response->model().precision(), "f32");
  EXPECT_THAT(response->model().kernels(), HasSubstr("lstm"));
}

// A number is not completed: the network is shown nothing.
TEST_F(ModelCoreTest, ExplainShowsNothingWhereNothingIsSuggested) {
  Write("en/1");
  StartWithAll();
  const auto response = Explain("the 12");
  ASSERT_THAT(response, IsOk());
  EXPECT_THAT(Tokens(*response), IsEmpty());
  EXPECT_EQ(response->partial(), "12");
}

// What earlier requests left, without a trace of its own.
TEST_F(ModelCoreTest, ExplainTellsWhatIsRememberedAndChangesNothing) {
  Write("en/1");
  StartWithAll();
  EXPECT_EQ(Explain("the house ")->cached_tokens(), 0);
  EXPECT_EQ(Get(Spec("en"))->cached_states(), 0);

  const AutocompleteCore autocomplete({}, repository_.get(), engine_.get());
  v1::CompleteRequest request;
  request.set_text("the ");
  std::latch done(1);
  autocomplete.Complete(
      request, {},
      [&](const absl::StatusOr<v1::CompleteResponse>& response,
          const CallReport&) {
        EXPECT_THAT(response, IsOk());
        done.count_down();
      });
  done.wait();
  const PrefixCacheStats before = engine_->stats().cache;
  EXPECT_EQ(Explain("the house ")->cached_tokens(), 2);  // <eos> the
  EXPECT_EQ(Explain("I the ")->cached_tokens(), 0);
  EXPECT_EQ(engine_->stats().cache.hits, before.hits);
  EXPECT_EQ(engine_->stats().cache.misses, before.misses);
  EXPECT_EQ(engine_->stats().cache.entries, before.entries);
  EXPECT_EQ(Get(Spec("en"))->cached_states(),
            static_cast<int64_t>(before.entries));
  EXPECT_GT(Get(Spec("en"))->cache_bytes(), 0);
}

TEST_F(ModelCoreTest, ExplainSaysThatALongTextIsCut) {
  Write("en/1");
  ASSERT_THAT(WriteTinyClassifier(dir_.File("mood/1"), {"good", "bad"},
                                  {.longest_text = 4}),
              IsOk());
  Start({.allow_explain = true});
  std::string words;
  for (int i = 0; i < 600; ++i) words += "the ";
  const auto line = Explain(words);
  ASSERT_THAT(line, IsOk());
  EXPECT_TRUE(line->cut());
  EXPECT_LE(line->tokens_size(), 513);
  EXPECT_EQ(line->tokens(1).text(), "the");
  const v1::TextToken& last = line->tokens(line->tokens_size() - 1);
  EXPECT_EQ(last.end(), 600 * 4 - 1);

  const auto mood = Explain("good bad bad good bad, bad", Spec("mood"));
  ASSERT_THAT(mood, IsOk());
  EXPECT_TRUE(mood->cut());
  EXPECT_THAT(Tokens(*mood),
              ElementsAre("good 0-4", "bad 18-21", "<unk> 21-22 ?", "bad 23-26",
                          "<eos> 26-26"));
  EXPECT_EQ(mood->cached_tokens(), 0);
}

// Places are those of the whole text, though sentences are read apart.
TEST_F(ModelCoreTest, ExplainShowsTheSentencesOfATranslator) {
  ASSERT_THAT(WriteTinyTranslator(dir_.File("fr/1")), IsOk());
  StartWithAll();
  const auto response = Explain("\xc3\xa9 a!\n b.", Spec("fr"));
  ASSERT_THAT(response, IsOk());
  EXPECT_THAT(Tokens(*response),
              ElementsAre("<unk> 0-1 ?", "a 2-3", "! 3-4", "<eos> 4-4", "b 6-7",
                          ". 7-8", "<eos> 8-8"));
  EXPECT_FALSE(response->cut());
}

// What people send: each is answered.
TEST_F(ModelCoreTest, OddTextsAreExplained) {
  Write("en/1");
  ASSERT_THAT(WriteTinyClassifier(dir_.File("mood/1"), {"good"}), IsOk());
  StartWithAll();
  for (const char* name : {"en", "mood"}) {
    for (const char* text :
         {"", " \t\n", "\n\n", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", "zzz qqq ",
          "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d ", "a\x01\x02z ", "...!!!",
          "e\xcc\x81t\xe2\x80\x99s \xc2\xa0 x "}) {
      const auto response = Explain(text, Spec(name));
      ASSERT_THAT(response, IsOk()) << text;
      for (const v1::TextToken& token : response->tokens()) {
        EXPECT_LE(token.begin(), token.end());
      }
    }
  }
}

TEST_F(ModelCoreTest, TextBeyondTheBoundIsRefusedByName) {
  Write("en/1");
  StartWithAll();
  EXPECT_THAT(Explain(std::string(kMaxTextBytes, 'a')), IsOk());
  const auto status = Explain(std::string(kMaxTextBytes + 1, 'a')).status();
  EXPECT_THAT(
      status,
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("text: expected at most 1000 bytes, found 1001")));
  EXPECT_EQ(BadField(status), "text");
}

TEST_F(ModelCoreTest, ExplainOfADrainingServerIsUnavailable) {
  Write("en/1");
  StartWithAll();
  engine_->Drain(absl::InfiniteFuture());
  EXPECT_THAT(Explain("the"), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace carousel
