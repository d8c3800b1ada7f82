// SPDX-License-Identifier: Apache-2.0
#include "client/cli/scores.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

v1::ScoreResponse Positive() {
  v1::ScoreResponse response;
  response.set_label("positive");
  for (const char* label : {"negative", "positive"}) {
    v1::LabelProbability* probability = response.add_probabilities();
    probability->set_label(label);
    probability->set_probability(response.label() == label ? 0.875 : 0.125);
  }
  return response;
}

v1::ScoredWord* AddWord(const std::string& text, double contribution,
                        v1::ScoreResponse& response) {
  v1::ScoredWord* word = response.add_words();
  word->set_text(text);
  word->set_contribution(contribution);
  return word;
}

TEST(ScoresTest, ShowsTheLabelItsProbabilityAndTheText) {
  EXPECT_EQ(FormatScore("a film", Positive(), /*bold=*/false),
            "positive    87.5%  a film\n");
}

// One line of the output is one text, whatever stands in it.
TEST(ScoresTest, ALongTextIsCutAndOneOfSeveralLinesStaysOnOne) {
  const std::string line =
      FormatScore("two\nlines " + std::string(200, 'x'), Positive(), false);
  EXPECT_THAT(line, AllOf(EndsWith("…\n"), Not(HasSubstr("two\nlines"))));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

// A text may hold bytes that a terminal obeys.
TEST(ScoresTest, ControlCharactersDoNotReachTheTerminal) {
  v1::ScoreResponse response = Positive();
  AddWord("\x1b[2J", 1, response);
  EXPECT_THAT(FormatScore("\x1b[2J", response, false), Not(HasSubstr("\x1b")));
}

TEST(ScoresTest, BarsAreScaledToTheLargestContribution) {
  v1::ScoreResponse response = Positive();
  response.mutable_explanation();
  AddWord("lovely", 2, response);
  AddWord("but", -1, response);
  AddWord("the", 0, response);
  EXPECT_THAT(
      FormatScore("x", response, false),
      AllOf(HasSubstr("+2.00  ++++++++++++ lovely\n"),
            HasSubstr("-1.00  ------       but\n"),
            HasSubstr(absl::StrCat("+0.00", std::string(15, ' '), "the\n"))));
}

// A text of stop words only: nothing to scale by.
TEST(ScoresTest, ContributionsOfNothingHaveNoBars) {
  v1::ScoreResponse response = Positive();
  response.mutable_explanation();
  AddWord("the", 0, response);
  EXPECT_THAT(FormatScore("x", response, false),
              HasSubstr(absl::StrCat("+0.00", std::string(15, ' '), "the\n")));
}

TEST(ScoresTest, RunningScoresAreThoseOfTheLabel) {
  v1::ScoreResponse response = Positive();
  v1::ScoredWord* word = AddWord("lovely", 0, response);
  word->add_running(0.25);
  word->add_running(0.75);
  const std::string lines = FormatScore("x", response, false);
  EXPECT_THAT(lines, HasSubstr(" 75.0%  lovely\n"));
  // No contributions were asked for, so none are shown.
  EXPECT_THAT(lines, Not(HasSubstr("+0.00")));
}

TEST(ScoresTest, TheSumIsStatedWithWhatIsLeftOver) {
  v1::ScoreResponse response = Positive();
  v1::ScoreExplanation* explanation = response.mutable_explanation();
  explanation->set_log_odds(1.5);
  explanation->set_baseline(-0.25);
  explanation->set_remainder(0.5);
  explanation->set_method(v1::ScoreExplanation::METHOD_RUNNING_DIFFERENCES);
  EXPECT_THAT(FormatScore("x", response, false),
              EndsWith("log-odds +1.50 = -0.25 before the text, +1.25 by its "
                       "words, +0.50 by its end\n"));

  explanation->set_method(v1::ScoreExplanation::METHOD_OCCLUSION);
  EXPECT_THAT(FormatScore("x", response, false),
              EndsWith("+0.50 by words together\n"));
}

// A server of a later version may leave out what this one knows.
TEST(ScoresTest, AnEmptyResponseIsShownToo) {
  EXPECT_THAT(FormatScore("x", v1::ScoreResponse(), false),
              HasSubstr("0.0%  x\n"));
}

TEST(ScoresTest, AnErrorKeepsTheColumns) {
  EXPECT_THAT(
      FormatError("text is too\x1b long"),
      AllOf(StartsWith("error "), EndsWith("  text is too\uFFFD long\n")));
  EXPECT_EQ(FormatError("x").find('x'),
            FormatScore("x", Positive(), false).find('x'));
}

}  // namespace
}  // namespace carousel
