// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/keystrokes.h"

#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;

// What is suggested after a text: the `insert` of each suggestion.
using Script = std::map<std::string, std::vector<std::string>>;

KeystrokeCount Count(absl::string_view line, const Script& script) {
  const auto suggest =
      [&](absl::string_view text) -> absl::StatusOr<std::vector<Suggestion>> {
    std::vector<Suggestion> suggestions;
    const auto found = script.find(std::string(text));
    if (found == script.end()) return suggestions;
    for (const std::string& insert : found->second) {
      suggestions.push_back({insert, insert, 0, 0.5});
    }
    return suggestions;
  };
  return CountKeystrokes(line, suggest).value();
}

KeystrokeCount Expect(int64_t keystrokes, int64_t characters) {
  return {keystrokes, characters};
}

TEST(KeystrokesTest, WithoutHelpEveryCharacterCosts) {
  EXPECT_EQ(Count("I am ill.", {}), Expect(9, 9));
}

TEST(KeystrokesTest, AWordTakenAtOnceCostsOneAndBringsItsSpace) {
  // take "I ", then "am", space, "ill."
  EXPECT_EQ(Count("I am ill.", {{"", {"I"}}}), Expect(1 + 7, 9));
}

TEST(KeystrokesTest, AWordTakenWithinCostsWhatIsTypedOfIt) {
  // "I ", "a", take "am ", "ill."
  EXPECT_EQ(Count("I am ill.", {{"I a", {"m"}}}), Expect(2 + 1 + 1 + 4, 9));
}

TEST(KeystrokesTest, PunctuationTakesTheSpaceBack) {
  // take "So ", "," takes the space back, then a space is typed.
  EXPECT_EQ(Count("So, no", {{"", {"So"}}}), Expect(1 + 1 + 1 + 2, 6));
}

TEST(KeystrokesTest, NoSpaceFollowsTheLastWord) {
  EXPECT_EQ(Count("So no", {{"", {"So"}}, {"So ", {"no"}}}), Expect(2, 5));
  EXPECT_EQ(Count("So no!", {{"", {"So"}}, {"So ", {"no"}}}), Expect(3, 6));
}

TEST(KeystrokesTest, OnlyTheExactWordIsTaken) {
  EXPECT_EQ(Count("So no", {{"", {"so", "Son", "S", "So no"}}}), Expect(5, 5));
}

TEST(KeystrokesTest, AWordBeyondTheWantedOneIsNotTaken) {
  EXPECT_EQ(Count("So no", {{"S", {"o no"}}, {"So", {" no"}}}), Expect(5, 5));
}

TEST(KeystrokesTest, LeadingMarksAreTyped) {
  EXPECT_EQ(Count("\"So\" no", {{"", {"So"}}, {"\"", {"So"}}}),
            Expect(1 + 1 + 1 + 1 + 2, 7));
}

TEST(KeystrokesTest, MarksInsideAWordBelongToIt) {
  EXPECT_EQ(Count("well-known", {{"well-", {"known"}}}), Expect(5 + 1, 10));
}

TEST(KeystrokesTest, CharactersAreCodePoints) {
  EXPECT_EQ(Count("Café là…", {{"Caf", {"é"}}}), Expect(3 + 1 + 3, 8));
}

TEST(KeystrokesTest, SpacesAtTheEndsDoNotCount) {
  EXPECT_EQ(Count("  So  no ", {}), Expect(6, 6));
  EXPECT_EQ(Count("  ", {}), Expect(0, 0));
}

TEST(KeystrokesTest, OfTwoSpacesOneIsTaken) {
  EXPECT_EQ(Count("So  no", {{"", {"So"}}}), Expect(1 + 1 + 2, 6));
}

TEST(KeystrokesTest, ASuggestionMayReplaceWhatIsTyped) {
  const auto suggest =
      [](absl::string_view text) -> absl::StatusOr<std::vector<Suggestion>> {
    if (text != "Über i") return std::vector<Suggestion>();
    return std::vector<Suggestion>{{"I'm", "I'm", 1, 0.5}};
  };
  // Typed as "i" only where the line has it so: nothing fits here.
  EXPECT_THAT(CountKeystrokes("Über I'm", suggest), IsOkAndHolds(Expect(8, 8)));
  const auto replace_all =
      [](absl::string_view text) -> absl::StatusOr<std::vector<Suggestion>> {
    if (text != "Ü") return std::vector<Suggestion>();
    return std::vector<Suggestion>{{"Über", "Über", 1, 0.5}};
  };
  EXPECT_THAT(CountKeystrokes("Über I'm", replace_all),
              IsOkAndHolds(Expect(1 + 1 + 3, 8)));
}

TEST(KeystrokesTest, AsksBeforeTheFirstAndAfterEveryCharacterOfAWord) {
  std::vector<std::string> asked;
  const auto suggest =
      [&](absl::string_view text) -> absl::StatusOr<std::vector<Suggestion>> {
    asked.emplace_back(text);
    return std::vector<Suggestion>();
  };
  ASSERT_THAT(CountKeystrokes("So, é", suggest), IsOk());
  EXPECT_THAT(asked, ElementsAre("", "S", "So, "));
}

TEST(KeystrokesTest, ErrorsArePassedOn) {
  const auto fail =
      [](absl::string_view) -> absl::StatusOr<std::vector<Suggestion>> {
    return absl::InternalError("no network");
  };
  EXPECT_THAT(CountKeystrokes("So", fail),
              StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace carousel
