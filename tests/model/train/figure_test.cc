// SPDX-License-Identifier: Apache-2.0
#include "model/train/figure.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

// Vertical to the curve, horizontal to the diagonal, and again.
TEST(StaircaseTest, GoesBetweenTheCurveAndTheDiagonal) {
  EXPECT_THAT(
      Staircase({1.0, 2.0, 4.0}),
      ElementsAre(FigurePoint{1, 1}, FigurePoint{1, 2}, FigurePoint{2, 2},
                  FigurePoint{2, 4}, FigurePoint{4, 4}));
  EXPECT_THAT(Staircase({}), SizeIs(0));
}

// A figure of a long run must not lose the one step that blew up.
TEST(ThinPointsTest, KeepsSpikesAndOrder) {
  std::vector<FigurePoint> points;
  for (int i = 0; i < 10000; ++i) {
    points.push_back({double(i), i == 5555 ? 99.0 : 1.0});
  }
  const std::vector<FigurePoint> thin = ThinPoints(points, 100);
  EXPECT_LE(thin.size(), 100u);
  EXPECT_THAT(thin, Contains(FigurePoint{5555, 99}));
  for (size_t i = 1; i < thin.size(); ++i) EXPECT_LT(thin[i - 1].x, thin[i].x);
  EXPECT_EQ(ThinPoints({{1, 2}, {3, 4}}, 100).size(), 2u);
}

// What the script says is what gnuplot draws.
TEST(FigureTest, ScriptHasDataTitlesAndScales) {
  const std::string script =
      FigureScript({.title = "A",
                    .x_label = "step",
                    .log_y = true,
                    .x_range = std::pair(0.0, 8.0),
                    .curves = {{.title = "one", .points = {{1, 2.5}, {2, 3}}},
                               {.title = "two",
                                .points = {{4, 5}},
                                .style = Curve::Style::kPoints}}},
                   "a.svg");
  EXPECT_THAT(
      script,
      AllOf(HasSubstr("output = 'a.svg'"), HasSubstr("\n1 2.5\n2 3\nEND\n"),
            HasSubstr("set logscale y"), HasSubstr("set xrange [0:8]"),
            HasSubstr("$curve0 with lines"), HasSubstr("$curve1 with points"),
            HasSubstr("title 'two'")));
}

// A loss that becomes NaN or 0 on a logarithmic axis is a gap, not an error.
TEST(FigureTest, WhatCannotBeDrawnIsAGap) {
  const std::string script =
      FigureScript({.log_y = true,
                    .curves = {{.points = {{1, 2}, {2, NAN}, {3, 4}, {4, 0}}},
                               {.points = {{1, INFINITY}}}}},
                   "a.svg");
  EXPECT_THAT(script, HasSubstr("\n1 2\n\n3 4\n\nEND\n"));
  EXPECT_THAT(script, Not(HasSubstr("$curve1")));
  EXPECT_EQ(FigureScript({.curves = {{.points = {{1, NAN}}}}}, "a.svg"), "");
}

// Titles come from files; they must not become commands of gnuplot.
TEST(FigureTest, TextIsQuoted) {
  EXPECT_THAT(
      FigureScript({.title = "it's\nsystem('x')", .curves = {{.points = {{}}}}},
                   "o'.svg"),
      AllOf(HasSubstr("set title 'it''s system(''x'')'\n"),
            HasSubstr("'o''.svg'")));
}

// Without gnuplot there is the script; with it, the figure.
TEST(FigureTest, DrawsOrSaysThatGnuplotIsMissing) {
  TempDir dir;
  const absl::Status status =
      DrawFigure({.title = "a < b & c",
                  .curves = {{.title = "x_1", .points = {{1, 2}, {2, 3}}}}},
                 dir.path(), "it's");
  EXPECT_THAT(ReadFile(dir.File("it's.gp")), IsOkAndHolds(HasSubstr("plot")));
  if (absl::IsNotFound(status)) {
    EXPECT_THAT(std::string(status.message()), HasSubstr("gnuplot"));
    return;
  }
  ASSERT_THAT(status, IsOk());
  EXPECT_THAT(ReadFile(dir.File("it's.svg")),
              IsOkAndHolds(AllOf(HasSubstr("</svg>"), HasSubstr("x_1"),
                                 HasSubstr("a &lt; b &amp; c"))));
  EXPECT_THAT(ReadFile(dir.File("it's.svg.unfinished")),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(FigureTest, NothingToDrawIsSaid) {
  TempDir dir;
  EXPECT_THAT(DrawFigure({}, dir.path(), "empty"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace carousel
