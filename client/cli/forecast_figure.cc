// SPDX-License-Identifier: Apache-2.0
#include "client/cli/forecast_figure.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "client/cli/utf8.h"
#include "model/base/child_process.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// Lines of a figure in a terminal.
constexpr int kTerminalRows = 20;

// Columns between two labels of the horizontal axis, about.
constexpr int kColumnsOfLabel = 20;

constexpr size_t kMostFigures = 16;

// A gnuplot string: within single quotes nothing but the quote is special.
std::string Quote(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(Printable(text), {{"'", "''"}}),
                      "'");
}

// The place on the horizontal axis of step i, counted from the history's
// beginning: seconds, or steps from the last one that is known.
double PlaceOf(const ForecastView& view, size_t i) {
  if (!view.times.empty()) {
    return absl::ToDoubleSeconds(view.times[i] - absl::UnixEpoch());
  }
  return static_cast<double>(i) - static_cast<double>(view.history.size()) + 1;
}

// "$history << END ... END", and the same of the forecast: place, value, low,
// high.
std::string DataBlocks(const ForecastView& view) {
  std::string text = "$history << END\n";
  for (size_t i = 0; i < view.history.size(); ++i) {
    absl::StrAppendFormat(&text, "%.12g %.9g\n", PlaceOf(view, i),
                          view.history[i]);
  }
  absl::StrAppend(&text, "END\n$forecast << END\n");
  for (size_t k = 0; k < view.forecast.size(); ++k) {
    absl::StrAppendFormat(&text, "%.12g %.9g",
                          PlaceOf(view, view.history.size() + k),
                          view.forecast[k]);
    if (view.interval.has_value()) {
      absl::StrAppendFormat(&text, " %.9g %.9g", view.interval->low[k],
                            view.interval->high[k]);
    }
    absl::StrAppend(&text, "\n");
  }
  return absl::StrCat(text, "END\n");
}

// From the first step to the last, with a few labels.
std::string Axis(const ForecastView& view, int labels) {
  const size_t all = view.history.size() + view.forecast.size();
  if (all < 2) return "set autoscale x\nset format x '%g'\n";
  const double first = PlaceOf(view, 0);
  const double last = PlaceOf(view, all - 1);
  std::string script =
      absl::StrFormat("set xrange [%.12g:%.12g]\n", first, last);
  if (view.times.empty()) return script + "set format x '%g'\n";
  constexpr double kDay = 86400;
  const double step = (last - first) / static_cast<double>(all - 1);
  const char* format =
      step < kDay ? "%m-%d %H:%M" : (step < 28 * kDay ? "%Y-%m-%d" : "%Y-%m");
  absl::StrAppendFormat(&script,
                        "set format x '%s' timedate\nset xtics %.12g, %.12g\n",
                        format, first, (last - first) / labels);
  return script;
}

std::string IntervalTitle(const ForecastView::Interval& interval) {
  return absl::StrFormat("'%g to %g'", interval.low_level, interval.high_level);
}

// A folder for the time of a drawing.
class Folder {
 public:
  static absl::StatusOr<Folder> Make() {
    std::error_code error;
    const auto parent = std::filesystem::temp_directory_path(error);
    std::string path =
        (error ? std::filesystem::path("/tmp") : parent) / "carousel.XXXXXX";
    if (mkdtemp(path.data()) == nullptr) return LastError("make", path);
    return Folder(std::move(path));
  }
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Folder(Folder&& other) noexcept
      : path_(std::exchange(other.path_, std::string())) {}
  Folder& operator=(Folder&&) = delete;

  std::string File(absl::string_view name) const {
    return JoinPath(path_, name);
  }

 private:
  explicit Folder(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

// Before anything is drawn: whether a file can be made there.
absl::Status CheckWritable(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) == 0) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(LastError("write", path).message());
}

// What gnuplot prints.
absl::StatusOr<std::string> RunGnuplot(const std::string& script,
                                       const Folder& folder) {
  const std::string path = folder.File("figure.gp");
  const std::string log = folder.File("log");
  RETURN_IF_ERROR(WriteFileAtomically(path, script));
  const absl::Status status = RunProgram({"gnuplot", path}, log);
  if (absl::IsNotFound(status)) {
    return absl::NotFoundError(
        "gnuplot, which draws figures, is not installed "
        "(apt-get install gnuplot-nox)");
  }
  ASSIGN_OR_RETURN(std::string printed, ReadFile(log));
  if (status.ok()) return printed;
  return absl::FailedPreconditionError(
      absl::StrCat("gnuplot cannot draw the figure: ", printed));
}

// To a graphics terminal.
std::string Plot(const ForecastView& view) {
  std::string text = "plot ";
  if (view.interval.has_value()) {
    absl::StrAppend(&text,
                    "$forecast using 1:3:4 with filledcurves lc rgb '#D55E00' "
                    "fs transparent solid 0.2 noborder title ",
                    IntervalTitle(*view.interval), ", ");
  }
  return absl::StrCat(text,
                      "$history using 1:2 with lines lw 1.5 lc rgb '#0072B2' "
                      "title 'history', $forecast using 1:2 with lines lw 2 lc "
                      "rgb '#D55E00' title 'forecast'\n");
}

}  // namespace

std::string TerminalScript(const ForecastView& view, int columns) {
  std::string script = absl::StrCat(
      // It sets a mark at the end of each line, behind the figure.
      "set terminal dumb ansi noenhanced size ", columns - 1, ",",
      kTerminalRows, "\nset title ", Quote(view.name),
      "\nset key below\nset border 3\nset tics nomirror\n",
      Axis(view, std::max(1, (columns - 10) / kColumnsOfLabel)),
      DataBlocks(view), "plot ");
  if (view.interval.has_value()) {
    absl::StrAppend(&script,
                    "$forecast using 1:3:(0):($4-$3) with vectors nohead lt 3 "
                    "title ",
                    IntervalTitle(*view.interval), ", ");
  }
  return absl::StrCat(script,
                      "$history using 1:2 with points lt 6 pt '*' title "
                      "'history', $forecast using 1:2 with points lt 1 pt 'o' "
                      "title 'forecast'\n");
}

std::string FileScript(absl::Span<const ForecastView> views,
                       const std::string& path) {
  const size_t height = 320 * views.size() + 30;
  std::string script = absl::StrCat(
      absl::EndsWith(path, ".png") ? "set terminal pngcairo noenhanced "
                                   : "set terminal svg noenhanced ",
      "size 900,", height, " background 'white'\nset output ", Quote(path),
      "\nset multiplot layout ", views.size(),
      ",1\nset grid back lc rgb '#dddddd' lt 1\nset border lc rgb "
      "'#666666'\nset key "
      "outside below\n");
  for (const ForecastView& view : views) {
    absl::StrAppend(&script, "set title ", Quote(view.name), "\n",
                    Axis(view, /*labels=*/6), DataBlocks(view), Plot(view));
  }
  return absl::StrCat(script, "unset multiplot\n");
}

absl::StatusOr<std::string> DrawText(const ForecastView& view, int columns) {
  ASSIGN_OR_RETURN(const Folder folder, Folder::Make());
  return RunGnuplot(TerminalScript(view, columns), folder);
}

absl::Status DrawFile(absl::Span<const ForecastView> views,
                      const std::string& path) {
  if (views.size() > kMostFigures) {
    return absl::InvalidArgumentError(
        absl::StrCat("a figure: expected at most ", kMostFigures,
                     " series, found ", views.size()));
  }
  RETURN_IF_ERROR(CheckWritable(path));
  ASSIGN_OR_RETURN(const Folder folder, Folder::Make());
  // The ending says what is drawn.
  const std::string drawn =
      folder.File(absl::EndsWith(path, ".png") ? "figure.png" : "figure.svg");
  RETURN_IF_ERROR(RunGnuplot(FileScript(views, drawn), folder).status());
  ASSIGN_OR_RETURN(const std::string figure, ReadFile(drawn));
  const absl::Status written = WriteFileAtomically(path, figure);
  if (written.ok()) return written;
  return absl::FailedPreconditionError(
      absl::StrCat("the figure cannot be written: ", written.message()));
}

}  // namespace carousel
