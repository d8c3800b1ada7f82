// SPDX-License-Identifier: Apache-2.0
#include "model/train/figure.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "model/base/child_process.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// Told apart also by those who do not see red and green (Okabe and Ito 2008).
constexpr const char* kColours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                    "#E69F00", "#56B4E9", "#000000", "#999999"};
constexpr int kColourCount = static_cast<int>(std::size(kColours));

// A gnuplot string: within single quotes nothing but the quote is special.
std::string Quote(absl::string_view text) {
  return absl::StrCat(
      "'", absl::StrReplaceAll(text, {{"'", "''"}, {"\n", " "}, {"\r", " "}}),
      "'");
}

bool CanDraw(const Figure& figure, const FigurePoint& point) {
  return std::isfinite(point.x) && std::isfinite(point.y) &&
         (!figure.log_x || point.x > 0) && (!figure.log_y || point.y > 0);
}

// "$curveN << END ... END"; "" without a point.
std::string DataBlock(const Figure& figure, size_t index) {
  std::string data;
  bool any = false;
  for (const FigurePoint& point : figure.curves[index].points) {
    if (CanDraw(figure, point)) {
      any = true;
      absl::StrAppendFormat(&data, "%.7g %.7g\n", point.x, point.y);
    } else if (any) {
      absl::StrAppend(&data, "\n");
    }
  }
  if (!any) return "";
  return absl::StrCat("$curve", index, " << END\n", data, "END\n");
}

std::string PlotElement(const Curve& curve, size_t index) {
  const int colour =
      (curve.colour >= 0 ? curve.colour : static_cast<int>(index)) %
      kColourCount;
  const bool line = curve.style == Curve::Style::kLine ||
                    curve.style == Curve::Style::kDashes;
  std::string text = absl::StrCat(
      "$curve", index, " with ",
      line ? "lines"
           : (curve.style == Curve::Style::kPoints ? "points" : "linespoints"),
      " lc rgb '", kColours[colour], "'");
  if (curve.style != Curve::Style::kPoints) {
    absl::StrAppend(&text, " lw ", curve.width);
  }
  if (curve.style == Curve::Style::kDashes) absl::StrAppend(&text, " dt 2");
  if (!line) absl::StrAppend(&text, " pt 7 ps 0.6");
  absl::StrAppend(&text, curve.title.empty()
                             ? std::string(" notitle")
                             : absl::StrCat(" title ", Quote(curve.title)));
  return text;
}

void AppendRange(const char* axis,
                 const std::optional<std::pair<double, double>>& range,
                 std::string* script) {
  if (!range.has_value()) return;
  absl::StrAppendFormat(script, "set %srange [%.7g:%.7g]\n", axis, range->first,
                        range->second);
}

}  // namespace

std::vector<FigurePoint> Staircase(absl::Span<const double> iterates) {
  std::vector<FigurePoint> points;
  for (size_t i = 0; i < iterates.size(); ++i) {
    if (i > 0) points.push_back({iterates[i - 1], iterates[i]});
    points.push_back({iterates[i], iterates[i]});
  }
  return points;
}

std::vector<FigurePoint> ThinPoints(std::vector<FigurePoint> points,
                                    size_t limit) {
  if (points.size() <= limit) return points;
  const auto lower = [](const FigurePoint& a, const FigurePoint& b) {
    return a.y < b.y;
  };
  const size_t stretches = limit / 2;
  std::vector<FigurePoint> kept;
  for (size_t i = 0; i < stretches; ++i) {
    const auto begin = points.begin() + i * points.size() / stretches;
    const auto end = points.begin() + (i + 1) * points.size() / stretches;
    auto [low, high] = std::minmax_element(begin, end, lower);
    if (high < low) std::swap(low, high);
    kept.push_back(*low);
    if (high != low) kept.push_back(*high);
  }
  return kept;
}

std::string FigureScript(const Figure& figure, absl::string_view output) {
  std::string data;
  std::vector<std::string> elements;
  for (size_t i = 0; i < figure.curves.size(); ++i) {
    const std::string block = DataBlock(figure, i);
    if (block.empty()) continue;
    absl::StrAppend(&data, block);
    elements.push_back(PlotElement(figure.curves[i], i));
  }
  if (elements.empty()) return "";
  std::string script = absl::StrCat(
      "if (!exists('output')) output = ", Quote(output), "\n",
      "set terminal svg noenhanced size ", figure.square ? 620 : 800,
      ",500 background 'white'\nset output output\n", "set title ",
      Quote(figure.title), "\nset xlabel ", Quote(figure.x_label),
      "\nset ylabel ", Quote(figure.y_label), "\n",
      figure.log_x ? "set logscale x\n" : "",
      figure.log_y ? "set logscale y\nset format y '%g'\n" : "",
      figure.square ? "set size square\n" : "",
      "set grid lc rgb '#dddddd'\nset border lc rgb '#666666'\n"
      "set key outside below\n");
  AppendRange("x", figure.x_range, &script);
  AppendRange("y", figure.y_range, &script);
  absl::StrAppend(&script, data, "plot ", absl::StrJoin(elements, ", \\\n  "),
                  "\n");
  return script;
}

absl::Status DrawFigure(const Figure& figure, const std::string& directory,
                        const std::string& name) {
  const std::string figure_path = JoinPath(directory, name + ".svg");
  const std::string script_path = JoinPath(directory, name + ".gp");
  const std::string drawn_path = figure_path + ".unfinished";
  const std::string script = FigureScript(figure, name + ".svg");
  if (script.empty()) {
    return absl::FailedPreconditionError("no measurements to draw yet");
  }
  RETURN_IF_ERROR(WriteFileAtomically(script_path, script));
  RETURN_IF_ERROR(
      RunProgram({"gnuplot", "-e", absl::StrCat("output = ", Quote(drawn_path)),
                  script_path}));
  if (std::rename(drawn_path.c_str(), figure_path.c_str()) != 0) {
    return LastError("rename", drawn_path);
  }
  return absl::OkStatus();
}

}  // namespace carousel
