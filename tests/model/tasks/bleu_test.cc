// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/bleu.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/tasks/chrf.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::nlohmann::json;
using ::testing::HasSubstr;

constexpr double kTolerance = 1e-6;

std::string Tokens(absl::string_view text) {
  return absl::StrJoin(TokeniseForBleu(text), " ");
}

// A list of cases, written by tests/golden/make_bleu_golden.py.
json Golden(const std::string& list) {
  const auto content =
      ReadFile(absl::StrCat(CAROUSEL_SOURCE_DIR, "/tests/golden/bleu.json"));
  EXPECT_THAT(content, IsOk());
  json cases = json::parse(*content)[list];
  EXPECT_FALSE(cases.empty());
  return cases;
}

template <typename Measure>
Measure MeasureCase(const json& test) {
  Measure measure(test.value("lowercase", false));
  for (size_t i = 0; i < test["hypotheses"].size(); ++i) {
    const auto references =
        test["references"][i].get<std::vector<std::string>>();
    EXPECT_THAT(
        measure.Add(test["hypotheses"][i].get<std::string>(), references),
        IsOk());
  }
  return measure;
}

// The scores are those of the slow functions of make_bleu_golden.py, written
// from the definitions; "compared_with" says whether sacreBLEU was asked, too.
TEST(BleuTest, EveryCaseOfTheGoldenFileAgrees) {
  for (const json& test : Golden("cases")) {
    EXPECT_NEAR(MeasureCase<CorpusBleu>(test).Score().score,
                test["bleu"].get<double>(), kTolerance)
        << test["name"];
  }
}

TEST(ChrfTest, EveryCaseOfTheGoldenFileAgrees) {
  for (const json& test : Golden("cases")) {
    EXPECT_NEAR(MeasureCase<CorpusChrf>(test).Score(),
                test["chrf"].get<double>(), kTolerance)
        << test["name"];
  }
}

// What sacreBLEU's documentation and tests state: a translator's figures are
// compared with other people's, so they must be counted as other people count.
TEST(BleuTest, PublishedScoresAgree) {
  for (const json& test : Golden("published")) {
    if (test["bleu"].is_number()) {
      EXPECT_NEAR(MeasureCase<CorpusBleu>(test).Score().score,
                  test["bleu"].get<double>(), kTolerance);
    }
    if (test["chrf"].is_number()) {
      EXPECT_NEAR(MeasureCase<CorpusChrf>(test).Score(),
                  test["chrf"].get<double>(), kTolerance);
    }
  }
}

// The parts tell why a score is low: too short, or wrong.
TEST(BleuTest, ScoreHasItsParts) {
  CorpusBleu bleu;
  ASSERT_THAT(bleu.Add("a b c d x", {"a b c d e f"}), IsOk());
  const BleuScore score = bleu.Score();
  EXPECT_EQ(score.hypothesis_length, 5);
  EXPECT_EQ(score.reference_length, 6);
  EXPECT_NEAR(score.brevity_penalty, 0.81873, 1e-5);
  EXPECT_NEAR(score.precisions[0], 80, 1e-9);
  EXPECT_NEAR(score.precisions[3], 50, 1e-9);
}

// The rules of mteval-v13a, whose order shows: they work on pairs.
TEST(BleuTest, TokeniserSetsMarksApartButNotInNumbers) {
  EXPECT_EQ(Tokens("Hello, world!"), "Hello , world !");
  EXPECT_EQ(Tokens("1,000.5 and 3.14."), "1,000.5 and 3.14 .");
  EXPECT_EQ(Tokens("5-6 well-known"), "5 - 6 well-known");
  EXPECT_EQ(Tokens("a..b"), "a . . b");
  EXPECT_EQ(Tokens("&quot;x&quot; &amp;lt; don't"), "\" x \" < don't");
  EXPECT_EQ(Tokens("a\u00A0b\u3000c"), "a b c");
  EXPECT_EQ(Tokens("  "), "");
}

// A file with a hole in it is not a corpus.
TEST(BleuTest, SentencesWithoutReferencesAreRefused) {
  CorpusBleu bleu;
  CorpusChrf chrf;
  for (const std::vector<std::string>& none :
       {std::vector<std::string>{}, std::vector<std::string>{"", ""}}) {
    EXPECT_THAT(bleu.Add("a", none),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("expected a reference")));
    EXPECT_THAT(chrf.Add("a", none),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(bleu.Add("a\xFF", {"a"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(chrf.Add("a", {"\xC3"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// Dividing by no words must not give NaN.
TEST(BleuTest, NothingScoresNothing) {
  EXPECT_EQ(CorpusBleu().Score().score, 0);
  EXPECT_EQ(CorpusChrf().Score(), 0);
}

}  // namespace
}  // namespace carousel
