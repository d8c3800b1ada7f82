// SPDX-License-Identifier: Apache-2.0
//
// `carousel score`: what is shown of an answer.

#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/cli.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// "positive" unless the text is "bad"; explained if that is asked for.
absl::Status ScoreByWord(const v1::ScoreRequest& request,
                         v1::ScoreResponse& response) {
  if (request.text() == "error") return absl::InvalidArgumentError("no text");
  response.set_label(request.text() == "bad" ? "negative" : "positive");
  for (const char* label : {"negative", "positive"}) {
    v1::LabelProbability* probability = response.add_probabilities();
    probability->set_label(label);
    probability->set_probability(response.label() == label ? 0.75 : 0.25);
  }
  if (!request.contributions()) return absl::OkStatus();
  for (const double contribution : {1.5, -0.5}) {
    v1::ScoredWord* word = response.add_words();
    word->set_text(contribution > 0 ? "good" : "but");
    word->set_contribution(contribution);
    if (!request.running()) continue;
    word->add_running(0.4);
    word->add_running(0.6);
  }
  v1::ScoreExplanation* explanation = response.mutable_explanation();
  explanation->set_method(v1::ScoreExplanation::METHOD_OCCLUSION);
  explanation->set_log_odds(1.1);
  explanation->set_baseline(0.2);
  explanation->set_remainder(-0.1);
  return absl::OkStatus();
}

class ScoreOutputTest : public CliTest {
 protected:
  ScoreOutputTest() : CliTest({.score = ScoreByWord}) {}
};

TEST_F(ScoreOutputTest, ScoresEachArgument) {
  const CliResult result = Run({"score", "good", "bad"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out,
            "positive    75.0%  good\n"
            "negative    75.0%  bad\n");
}

TEST_F(ScoreOutputTest, ExplainsWhatWordsContribute) {
  const CliResult result = Run({"score", "--explain", "good but"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out,
            "positive    75.0%  good but\n"
            "            +1.50  ++++++++++++   60.0%  good\n"
            "            -0.50  ----           60.0%  but\n"
            "           log-odds +1.10 = +0.20 before the text, +1.00 by its "
            "words, -0.10 by words together\n");
}

// The server answers in another order.
TEST_F(ScoreOutputTest, ScoresLinesInTheirOrder) {
  const CliResult result = Run({"score"}, "good\r\nbad\nfine\n");
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out,
            "positive    75.0%  good\n"
            "negative    75.0%  bad\n"
            "positive    75.0%  fine\n");
  EXPECT_EQ(server_.streams(), 1);
}

TEST_F(ScoreOutputTest, LineThatCannotBeScoredIsNamed) {
  const struct {
    std::string line, reason;
  } cases[] = {{"error", "no text"},
               {"caf\xe9", "text: not valid UTF-8 at byte 3"}};
  for (const auto& [line, reason] : cases) {
    const CliResult result =
        Run({"score"}, absl::StrCat("good\n", line, "\nfine\n"));
    EXPECT_EQ(result.exit_code, kExitFailed);
    EXPECT_EQ(result.out,
              absl::StrCat("positive    75.0%  good\nerror           -  ",
                           reason, "\npositive    75.0%  fine\n"));
    EXPECT_THAT(result.err, HasSubstr("1 of 3 lines could not be scored; the "
                                      "first: line 2: "));
  }
}

TEST_F(ScoreOutputTest, ScoreAsJsonHasItsInput) {
  const CliResult result = Run({"score", "--json", "bad"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_THAT(result.out, AllOf(StartsWith("{\"input\":\"bad\","),
                                HasSubstr("\"label\":\"negative\"")));
}

}  // namespace
}  // namespace carousel
