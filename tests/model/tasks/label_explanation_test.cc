// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/label_explanation.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/tasks/classification.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::SizeIs;

absl::Status GoOn() { return absl::OkStatus(); }

// Models of one direction and of two, each pooling.
struct Case {
  bool bidirectional;
  PoolingKind pooling;
};

class LabelExplanationTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteTinyClassifier(bundle_, {"good", "bad", "film", "a"},
                                    {.bidirectional = GetParam().bidirectional,
                                     .pooling = GetParam().pooling}),
                IsOk());
    auto model = Model::Load(bundle_);
    ASSERT_THAT(model, IsOk());
    model_ = *std::move(model);
  }

  absl::StatusOr<LabelExplainer> Start(const std::string& text,
                                       const LabelExplanationOptions& options) {
    return LabelExplainer::Start(*model_->classifier().network,
                                 model_->tokenizer(), 1000, text, options);
  }

  LabelExplanation Explain(const std::string& text,
                           const LabelExplanationOptions& options = {
                               .contributions = true, .running = true}) {
    auto explainer = Start(text, options);
    EXPECT_THAT(explainer, IsOk());
    while (!explainer->finished()) {
      EXPECT_GT(explainer->next_cells(), 0);
      EXPECT_THAT(explainer->Step(GoOn, &workspace_), IsOk());
    }
    EXPECT_GT(explainer->tokens_read(), 0);
    return explainer->Take();
  }

  // ln(p / (1 - p)) of the label of two.
  double LogOdds(const std::string& text, int label) {
    const auto result = TextClassifier(*model_).Classify({text});
    EXPECT_THAT(result, IsOk());
    const auto& p = result->front().probabilities;
    return std::log(p[static_cast<size_t>(label)]) -
           std::log(p[static_cast<size_t>(1 - label)]);
  }

  static int Best(const LabelExplanation& explanation) {
    return explanation.log_probabilities[1] > explanation.log_probabilities[0];
  }

  TempDir dir_;
  const std::string bundle_ = dir_.File("labels/1");
  std::shared_ptr<const Model> model_;
  Classifier::Workspace workspace_;
};

constexpr char kText[] = "A good film, bad bad film!";

TEST_P(LabelExplanationTest, WholeTextGetsTheAnswerOfTheClassifier) {
  const LabelExplanation found = Explain(kText);
  const int best = Best(found);
  EXPECT_NEAR(found.log_odds, LogOdds(kText, best), 1e-4);
  EXPECT_GE(found.log_odds, 0);  // of two labels the better one
  EXPECT_FALSE(found.cut);
}

// The statement of the header.
TEST_P(LabelExplanationTest, PartsAddUpToTheLogOdds) {
  const LabelExplanation found = Explain(kText);
  double sum = found.baseline + found.remainder;
  for (const auto& word : found.words) sum += word.contribution;
  EXPECT_NEAR(sum, found.log_odds, 1e-9);
}

TEST_P(LabelExplanationTest, WordsStandWhereTheyWereTyped) {
  const std::string text = kText;
  const LabelExplanation found = Explain(text);
  std::vector<std::string> words;
  for (const auto& word : found.words) {
    words.push_back(
        text.substr(word.place.begin, word.place.end - word.place.begin));
  }
  EXPECT_EQ(words, (std::vector<std::string>{"A", "good", "film", ",", "bad",
                                             "bad", "film", "!"}));
}

// Each is a difference between two texts.
TEST_P(LabelExplanationTest, ContributionsAreDifferencesOfLogOdds) {
  const LabelExplanation found = Explain("good film bad");
  const int best = Best(found);
  if (GetParam().bidirectional) {
    EXPECT_NEAR(found.baseline, LogOdds("", best), 1e-4);
    EXPECT_NEAR(found.words[1].contribution,
                found.log_odds - LogOdds("good bad", best), 1e-4);
  } else {
    EXPECT_NEAR(found.words[0].contribution,
                std::log(found.words[0].probabilities[best] /
                         found.words[0].probabilities[1 - best]) -
                    found.baseline,
                1e-4);
  }
}

TEST_P(LabelExplanationTest, RunningScoresAreThoseOfTheTextSoFar) {
  const LabelExplanation found = Explain("good film bad", {.running = true});
  ASSERT_THAT(found.words, SizeIs(3));
  for (const auto& word : found.words) {
    ASSERT_THAT(word.probabilities, SizeIs(2));
    EXPECT_NEAR(word.probabilities[0] + word.probabilities[1], 1, 1e-5);
    EXPECT_EQ(word.contribution, 0);  // not asked for
  }
  if (!GetParam().bidirectional) return;
  const double log_odds = LogOdds("good film", 1);
  EXPECT_NEAR(found.words[1].probabilities[1], 1 / (1 + std::exp(-log_odds)),
              1e-5);
}

TEST_P(LabelExplanationTest, EmptyTextHasNoWords) {
  const LabelExplanation found = Explain("");
  EXPECT_THAT(found.words, SizeIs(0));
  EXPECT_NEAR(found.baseline + found.remainder, found.log_odds, 1e-9);
}

TEST_P(LabelExplanationTest, NoMoreIsReadWhenNobodyWaits) {
  auto explainer = Start(kText, {.contributions = true});
  ASSERT_THAT(explainer, IsOk());
  EXPECT_THAT(
      explainer->Step([] { return absl::CancelledError(""); }, &workspace_),
      StatusIs(absl::StatusCode::kCancelled));
}

// A step is short, whatever is left; what is left shrinks to nothing.
TEST_P(LabelExplanationTest, StepsAreBoundedAndTheRestIsKnown) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "good ";
  auto explainer = Start(text, {.contributions = true, .running = true});
  ASSERT_THAT(explainer, IsOk());
  while (!explainer->finished()) {
    const int64_t left = explainer->cells_left();
    const int cells = explainer->next_cells();
    EXPECT_LE(cells, 512);
    EXPECT_LE(cells, left + 512);
    ASSERT_THAT(explainer->Step(GoOn, &workspace_), IsOk());
    if (!explainer->finished()) {
      EXPECT_LT(explainer->cells_left(), left);
    }
  }
}

// The work of two directions grows with the square of the length.
TEST_P(LabelExplanationTest, OnlyOneDirectionExplainsLongTexts) {
  std::string text;
  for (int i = 0; i < LabelExplanationOptions::kMostTokens; ++i) {
    text += "good ";
  }
  EXPECT_THAT(Start(text, {.contributions = true}), IsOk());
  const auto longer = Start(text + "good", {.running = true});
  if (GetParam().bidirectional) {
    EXPECT_THAT(longer, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("text has 257 tokens")));
  } else {
    EXPECT_THAT(longer, IsOk());
  }
}

TEST_P(LabelExplanationTest, TextThatIsNotUtf8IsRefused) {
  EXPECT_THAT(Start("caf\xe9", {.contributions = true}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

INSTANTIATE_TEST_SUITE_P(
    Networks, LabelExplanationTest,
    testing::Values(Case{true, PoolingKind::kConcat},
                    Case{true, PoolingKind::kAttention},
                    Case{false, PoolingKind::kLast},
                    Case{false, PoolingKind::kConcat},
                    Case{false, PoolingKind::kAttention}),
    [](const auto& shape) {
      return std::string(shape.param.bidirectional ? "Two" : "One") +
             (shape.param.pooling == PoolingKind::kLast     ? "Last"
              : shape.param.pooling == PoolingKind::kConcat ? "Concat"
                                                            : "Attention");
    });

}  // namespace
}  // namespace carousel
