// SPDX-License-Identifier: Apache-2.0
#include "client/cli/forecast_figure.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "client/cli/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/child_process.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

ForecastView MakeView(const std::string& name = "load") {
  ForecastView view = {.name = name};
  for (int i = 0; i < 40; ++i) {
    view.history.push_back(100 + 20 * std::sin(i / 3.0));
  }
  view.interval = {.low = {}, .high = {}, .low_level = 0.1, .high_level = 0.9};
  for (int k = 0; k < 10; ++k) {
    view.forecast.push_back(100 + 20 * std::sin((40 + k) / 3.0));
    view.interval->low.push_back(view.forecast.back() - k - 1);
    view.interval->high.push_back(view.forecast.back() + k + 1);
  }
  return view;
}

void AddTimes(ForecastView* view) {
  for (int i = 0; i < 50; ++i) {
    view->times.push_back(absl::FromUnixSeconds(1467331200 + i * 3600));
  }
}

// Without the colours.
std::vector<std::string> LinesOf(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = text.find('m', i);
    } else {
      plain += text[i];
    }
  }
  return absl::StrSplit(plain, '\n');
}

class ForecastFigureTest : public testing::Test {
 protected:
  void SetUp() override {
    if (absl::IsNotFound(RunProgram({"gnuplot", "--version"}))) {
      GTEST_SKIP() << "gnuplot is not installed";
    }
  }

  TempDir dir_;
};

// Whatever the width, no line is longer; all three are drawn.
TEST_F(ForecastFigureTest, TextFitsTheTerminal) {
  for (const int columns : {40, 80, 200}) {
    ForecastView view = MakeView();
    if (columns > 40) AddTimes(&view);
    const auto text = DrawText(view, columns);
    ASSERT_THAT(text, IsOk());
    for (const std::string& line : LinesOf(*text)) {
      EXPECT_LE(Columns(line), columns) << line;
    }
    EXPECT_THAT(*text, AllOf(HasSubstr("load"), HasSubstr("*"), HasSubstr("o"),
                             HasSubstr("|"), HasSubstr("0.1 to 0.9")));
    EXPECT_EQ(text->find("07-01 00:00") != std::string::npos, columns > 40);
  }
}

TEST_F(ForecastFigureTest, FileIsWhatItsNameSays) {
  ForecastView view = MakeView();
  AddTimes(&view);
  ForecastView other = MakeView("heat");
  other.interval.reset();
  ASSERT_THAT(DrawFile({view, other}, dir_.File("f.svg")), IsOk());
  EXPECT_THAT(*ReadFile(dir_.File("f.svg")),
              AllOf(StartsWith("<?xml"), HasSubstr("load"), HasSubstr("heat"),
                    HasSubstr("0.1 to 0.9")));
  ASSERT_THAT(DrawFile({view}, dir_.File("f.png")), IsOk());
  EXPECT_THAT(*ReadFile(dir_.File("f.png")), StartsWith("\x89PNG"));
}

TEST_F(ForecastFigureTest, FileThatCannotBeWrittenIsAnError) {
  const auto status = DrawFile({MakeView()}, dir_.File("no/such/f.svg"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("cannot write")));
}

// Whatever the name, and whatever goes wrong, nothing is left beside the file.
TEST_F(ForecastFigureTest, LeavesNothingBehind) {
  const TempDir temporary;
  const char* const old = std::getenv("TMPDIR");
  const std::string before = old == nullptr ? "/tmp" : old;
  setenv("TMPDIR", temporary.path().c_str(), 1);
  std::filesystem::create_directory(dir_.File("folder.svg"));
  EXPECT_THAT(DrawFile({MakeView()}, dir_.File("folder.svg")),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(DrawFile({MakeView()}, dir_.File("a\tb.svg")), IsOk());
  ForecastView not_a_number = MakeView();
  for (double& value : not_a_number.history) value = std::nan("");
  not_a_number.forecast = not_a_number.interval->low =
      not_a_number.interval->high = {};
  EXPECT_FALSE(DrawFile({not_a_number}, dir_.File("nan.svg")).ok());
  EXPECT_THAT(DrawText(MakeView(), 80), IsOk());
  setenv("TMPDIR", before.c_str(), 1);

  std::vector<std::string> left;
  for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
    left.push_back(file.path().filename());
  }
  EXPECT_THAT(left, UnorderedElementsAre("a\tb.svg", "folder.svg"));
  EXPECT_TRUE(std::filesystem::is_empty(temporary.path()));
}

// A series of one value, all the same, or named to be run.
TEST_F(ForecastFigureTest, DrawsWhateverThereIs) {
  EXPECT_THAT(DrawText({.name = "a", .history = {}, .forecast = {1}}, 80),
              IsOk());
  EXPECT_THAT(DrawText({.name = "a", .history = {5, 5}, .forecast = {5}}, 80),
              IsOk());
  EXPECT_THAT(
      DrawText({.name = "a", .history = {1e300}, .forecast = {-1e300}}, 80),
      IsOk());
  ForecastView view = MakeView("it's\nsystem('touch " + dir_.File("run") +
                               "')\n`touch " + dir_.File("run") + "`");
  ASSERT_THAT(DrawText(view, 80), IsOk());
  EXPECT_THAT(ReadFile(dir_.File("run")),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(ForecastFigureWithoutGnuplotTest, SaysWhatIsMissing) {
  const std::string path = std::getenv("PATH");
  setenv("PATH", "/nowhere", 1);
  const auto text = DrawText(MakeView(), 80);
  const absl::Status file = DrawFile({MakeView()}, "never.svg");
  setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(text,
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("gnuplot-nox")));
  EXPECT_THAT(file,
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("gnuplot-nox")));
}

TEST(ForecastFigureBoundTest, ManySeriesAreRefused) {
  EXPECT_THAT(DrawFile(std::vector<ForecastView>(17, MakeView()), "never.svg"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at most 16 series, found 17")));
}

}  // namespace
}  // namespace carousel
