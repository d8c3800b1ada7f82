// SPDX-License-Identifier: Apache-2.0
#include "client/cli/suggestions.h"

#include <string>

#include "client/cli/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

v1::CompleteResponse Response() {
  v1::CompleteResponse response;
  *response.add_suggestions() = MakeSuggestion("go", " go", 0.625);
  *response.add_suggestions() = MakeSuggestion("Tokyo", "Tokyo", 0.0425, 2);
  return response;
}

TEST(SuggestionsTest, TakingInsertsAtTheCursor) {
  EXPECT_EQ(Take("like to", MakeSuggestion("go", " go", 1)), "like to go");
}

TEST(SuggestionsTest, TakingReplacesCodePoints) {
  EXPECT_EQ(Take("a gér", MakeSuggestion("German", "German", 1, 3)),
            "a German");
}

TEST(SuggestionsTest, ShowsWhatTheTextBecomes) {
  EXPECT_EQ(FormatSuggestions("like to", Response(), /*bold=*/false),
            "  62.5%  like to go\n"
            "   4.2%  like Tokyo\n");
}

// On a terminal one sees what is typed and what is suggested apart.
TEST(SuggestionsTest, PutsTheInsertedPartInBold) {
  EXPECT_EQ(FormatSuggestions("like to", Response(), /*bold=*/true),
            "  62.5%  like to\x1b[1m go\x1b[0m\n"
            "   4.2%  like \x1b[1mTokyo\x1b[0m\n");
}

// One suggestion, one line, however long the text is.
TEST(SuggestionsTest, OfALongTextTheEndIsShown) {
  v1::CompleteResponse response;
  *response.add_suggestions() = MakeSuggestion("b", " b", 1);
  EXPECT_EQ(FormatSuggestions("first line\nto", response, false),
            " 100.0%  to b\n");
  EXPECT_EQ(FormatSuggestions(std::string(100, 'x'), response, false),
            " 100.0%  …" + std::string(56, 'x') + " b\n");
}

// Nothing fits: that too is an answer.
TEST(SuggestionsTest, NoSuggestionIsALineOfItsOwn) {
  EXPECT_EQ(FormatSuggestions("xqzt", {}, false), "     -   xqzt\n");
}

// A reader of the JSON need not know which values are left out as defaults.
TEST(JsonTest, IsOneLineWithTheInputAndAllValues) {
  v1::CompleteResponse response;
  *response.add_suggestions() = MakeSuggestion("go", " go", 0.5);
  EXPECT_THAT(JsonLine(response, "a \"b\"\n"),
              IsOkAndHolds("{\"input\":\"a \\\"b\\\"\\n\",\"suggestions\":["
                           "{\"word\":\"go\",\"insert\":\" go\",\"replace\":0,"
                           "\"probability\":0.5,\"words\":0,"
                           "\"confidence\":0}]}\n"));
}

TEST(JsonTest, TheInputStandsAloneInAnEmptyMessage) {
  EXPECT_THAT(JsonLine(v1::ListModelsRequest(), "a"),
              IsOkAndHolds("{\"input\":\"a\"}\n"));
  EXPECT_THAT(JsonLine(v1::ListModelsRequest()), IsOkAndHolds("{}\n"));
}

}  // namespace
}  // namespace carousel
