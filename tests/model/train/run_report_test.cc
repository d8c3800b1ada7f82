// SPDX-License-Identifier: Apache-2.0
#include "model/train/run_report.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kMetrics[] =
    "{\"step\":1,\"loss\":2,\"perplexity\":90.5,\"learning_rate\":0.1,"
    "\"gradient_norm\":3}\n"
    "{\"step\":2,\"loss\":1,\"perplexity\":80,\"learning_rate\":0.05,"
    "\"gradient_norm\":2}\n"
    "{\"step\":2,\"dev_loss\":1.5,\"dev_perplexity\":85.25,"
    "\"dev_accuracy\":0.75}\n"
    "{\"step\":3,\"lo";

std::vector<std::string> Names(absl::string_view metrics) {
  std::vector<std::string> names;
  for (const NamedFigure& f : RunFigures(metrics)) names.push_back(f.name);
  return names;
}

// Each curve from its own lines; half a line after a crash is passed over.
TEST(RunFiguresTest, OneFigureForEverythingThatIsMeasured) {
  EXPECT_THAT(Names(kMetrics), ElementsAre("loss", "learning_rate",
                                           "gradient_norm", "dev_accuracy"));
  const Figure loss = RunFigures(kMetrics)[0].figure;
  EXPECT_THAT(loss.curves[0].points,
              ElementsAre(FigurePoint{1, 90.5}, FigurePoint{2, 80}));
  EXPECT_THAT(loss.curves[1].points, ElementsAre(FigurePoint{2, 85.25}));
}

// What a run reaches in an hour is asked as often as what it reaches in a step.
TEST(RunFiguresTest, LossIsDrawnAgainstTheTimeTooWhereItIsKnown) {
  const std::vector<NamedFigure> figures = RunFigures(
      "{\"step\":1,\"perplexity\":90,\"seconds\":30}\n"
      "{\"step\":2,\"dev_perplexity\":85,\"seconds\":90}");
  ASSERT_GE(figures.size(), 2u);
  ASSERT_EQ(figures[1].name, "loss_minutes");
  const Figure& figure = figures[1].figure;
  EXPECT_EQ(figure.x_label, "minutes");
  EXPECT_THAT(figure.curves[0].points, ElementsAre(FigurePoint{0.5, 90}));
  EXPECT_THAT(figure.curves[1].points, ElementsAre(FigurePoint{1.5, 85}));
}

// Tasks other than a language model have a loss and no perplexity.
TEST(RunFiguresTest, WithoutPerplexityTheLossIsDrawn) {
  const std::vector<NamedFigure> figures =
      RunFigures("{\"step\":1,\"loss\":2}");
  ASSERT_EQ(figures.size(), 1u);
  EXPECT_EQ(figures[0].figure.y_label, "loss");
}

// Keys name files: one that could leave the folder is not drawn.
TEST(RunFiguresTest, OddKeysNameNoFiles) {
  EXPECT_THAT(Names("{\"step\":1,\"dev_../../x\":2}"), ElementsAre());
}

// Settings and figures are other people's text.
TEST(RunReportTest, EverythingIsEscaped) {
  const std::string page = RunReport(
      {.title = "<b>\"run\"</b>",
       .config = R"({"data":{"train":"<script>alert('x')</script>"}})",
       .metrics = "{\"step\":1,\"<i>\":\"a&b\"}"});
  EXPECT_THAT(page, AllOf(HasSubstr("&lt;b&gt;&quot;run&quot;&lt;/b&gt;"),
                          HasSubstr("data.train"), HasSubstr("&lt;script&gt;"),
                          HasSubstr("&lt;i&gt;"), HasSubstr("a&amp;b")));
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<i>")),
                          Not(HasSubstr("<b>"))));
}

// The page says the latest of each figure and every setting.
TEST(RunReportTest, ShowsLastValuesAndSettings) {
  const std::string page =
      RunReport({.title = "run",
                 .config = R"({"training":{"rows":32},"name":"x"})",
                 .metrics = kMetrics,
                 .svgs = {"<?xml version=\"1.0\"?>\n<svg>A</svg>"}});
  EXPECT_THAT(page, AllOf(HasSubstr("<td>training.rows</td><td>32</td>"),
                          HasSubstr("<td>perplexity</td><td>80</td>"),
                          HasSubstr("<td>dev_perplexity</td><td>85.25</td>"),
                          HasSubstr("<svg>A</svg>"), Not(HasSubstr("<?xml"))));
}

// It opens without a network, and refreshes only while there is news.
TEST(RunReportTest, LoadsNothingAndRefreshesUntilTheEnd) {
  const std::string page = RunReport({.title = "run", .refresh = true});
  EXPECT_THAT(page, AllOf(HasSubstr("http-equiv=\"refresh\""),
                          Not(HasSubstr("src=")), Not(HasSubstr("href="))));
  EXPECT_THAT(RunReport({.title = "run"}), Not(HasSubstr("http-equiv")));
}

// Training goes on without gnuplot, and the report is there all the same.
TEST(DrawRunFiguresTest, WritesReportAndFigures) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("metrics.jsonl"), kMetrics), IsOk());
  const absl::Status status = DrawRunFigures(dir.path());
  EXPECT_THAT(ReadFile(dir.File("report.html")),
              IsOkAndHolds(HasSubstr("dev_accuracy")));
  if (absl::IsNotFound(status)) {
    EXPECT_THAT(std::string(status.message()), HasSubstr("gnuplot"));
    return;
  }
  ASSERT_THAT(status, IsOk());
  EXPECT_THAT(ReadFile(dir.File("loss.svg")), IsOkAndHolds(HasSubstr("<svg")));
  EXPECT_THAT(ReadFile(dir.File("report.html")),
              IsOkAndHolds(HasSubstr("</svg>")));
}

// The very first evaluation may come before anything is logged.
TEST(DrawRunFiguresTest, NothingToDrawIsSaid) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("metrics.jsonl"), ""), IsOk());
  EXPECT_THAT(DrawRunFigures(dir.path()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace carousel
