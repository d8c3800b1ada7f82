// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/document_evaluation.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

class DocumentEvaluationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(
        WriteTinyBundle(
            dir_.File("tiny/1"),
            {"the", "house", "there", "would", "like", "you", "I", "to"}, 3),
        IsOk());
    model_ = Model::Load(dir_.File("tiny/1")).value();
  }

  std::string Write(const std::vector<std::string>& lines) {
    EXPECT_THAT(
        WriteFileAtomically(dir_.File("text"), absl::StrJoin(lines, "\n")),
        IsOk());
    return dir_.File("text");
  }

  DocumentFigures Evaluate(const std::vector<std::string>& lines,
                           const DocumentOptions& options = {}) {
    return EvaluateDocuments(*model_, Write(lines), options).value();
  }

  static void ExpectSame(const LanguageModelFigures& a,
                         const LanguageModelFigures& b) {
    EXPECT_EQ(a.perplexity, b.perplexity);
    EXPECT_EQ(a.tokens, b.tokens);
    EXPECT_EQ(a.top3, b.top3);
    EXPECT_EQ(a.keystrokes_saved, b.keystrokes_saved);
  }

  TempDir dir_;
  std::shared_ptr<const Model> model_;
};

// A document that says the same again and again is what the cache is for.
TEST_F(DocumentEvaluationTest, RepeatedLinesAreForeseen) {
  const std::vector<std::string> lines(
      12, "I would like you to like the house there");
  const DocumentFigures figures =
      Evaluate(lines, {.setting = {.theta = 5, .lambda = 0.8f}});
  EXPECT_EQ(figures.documents, 1);
  EXPECT_LT(figures.with_context.perplexity, 0.8 * figures.alone.perplexity);
  EXPECT_GT(figures.with_context.top1, figures.alone.top1);
  EXPECT_GT(figures.with_context.keystrokes_saved,
            figures.alone.keystrokes_saved);
}

// What `evaluate` says of the lines without documents.
TEST_F(DocumentEvaluationTest, LinesAloneAreThoseOfTheLanguageModel) {
  const std::vector<std::string> lines = {"I would like", "the house", "",
                                          "to you"};
  const DocumentFigures figures = Evaluate(lines);
  ExpectSame(figures.alone,
             EvaluateLanguageModel(*model_, Write(lines), {}).value());
}

// Nothing stands before the first line, and no document sees another.
TEST_F(DocumentEvaluationTest, ADocumentOfOneLineHasNoContext) {
  const DocumentFigures figures =
      Evaluate({"I would like", "", "I would like", " ", "", "I would like"},
               {.setting = {.theta = 5, .lambda = 0.8f}});
  EXPECT_EQ(figures.documents, 3);
  ExpectSame(figures.with_context, figures.alone);
}

TEST_F(DocumentEvaluationTest, FiguresDoNotDependOnThreads) {
  std::vector<std::string> lines;
  for (int i = 0; i < 30; ++i) {
    lines.push_back(i % 2 == 0 ? "I would like the house" : "there to you");
    if (i % 4 == 3) lines.emplace_back();
  }
  const DocumentFigures one = Evaluate(lines);
  const DocumentFigures three = Evaluate(lines, {.threads = 3});
  ExpectSame(one.alone, three.alone);
  ExpectSame(one.with_context, three.with_context);
}

TEST_F(DocumentEvaluationTest, JsonHasBoth) {
  const DocumentFigures figures =
      Evaluate({"I would", "I would"}, {.setting = {0.5f, 0.1f}});
  const auto json = nlohmann::json::parse(figures.ToJson());
  EXPECT_EQ(json["task"], "language_model");
  EXPECT_EQ(json["documents"], 1);
  EXPECT_EQ(json["with_context"]["lambda"], 0.1);
  EXPECT_EQ(json["with_context"]["perplexity"],
            figures.with_context.perplexity);
}

TEST_F(DocumentEvaluationTest, WhatCannotBeMeasuredIsToldWithItsPlace) {
  EXPECT_THAT(
      EvaluateDocuments(*model_, Write({"", " "}), {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("found none")));
  EXPECT_THAT(
      EvaluateDocuments(*model_, Write({"the", "", "c\xff"}), {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("document 2")));
  EXPECT_THAT(EvaluateDocuments(*model_, dir_.File("missing"), {}),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(EvaluateDocuments(*model_, Write({"the"}), {.threads = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace carousel
