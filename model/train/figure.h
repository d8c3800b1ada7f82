// SPDX-License-Identifier: Apache-2.0
//
// Figures: curves, points and staircases become a gnuplot script, and gnuplot
// makes an SVG file of it.

#ifndef CAROUSEL_MODEL_TRAIN_FIGURE_H_
#define CAROUSEL_MODEL_TRAIN_FIGURE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace carousel {

struct FigurePoint {
  double x = 0;
  double y = 0;
  bool operator==(const FigurePoint&) const = default;
};

struct Curve {
  enum class Style { kLine, kDashes, kPoints, kLineAndPoints };

  std::string title = {};  // "": not in the legend
  std::vector<FigurePoint> points = {};
  Style style = Style::kLine;

  // Curves of one number share a colour; -1: each its own.
  int colour = -1;
  double width = 1.5;
};

struct Figure {
  std::string title = {};
  std::string x_label = {};
  std::string y_label = {};
  bool log_x = false;
  bool log_y = false;
  std::optional<std::pair<double, double>> x_range = {};
  std::optional<std::pair<double, double>> y_range = {};
  bool square = false;  // both axes equally long
  std::vector<Curve> curves = {};
};

struct NamedFigure {
  std::string name = {};  // of its files, without the ending
  Figure figure;
};

// The walk of an iterated map between the curve y = f(x) and the diagonal:
// (x0, x0) -> (x0, x1) -> (x1, x1) -> (x1, x2) -> ...
std::vector<FigurePoint> Staircase(absl::Span<const double> iterates);

// At most about `limit` of the points: of each stretch the lowest and the
// highest, so that no spike is lost. REQUIRES: limit >= 2.
std::vector<FigurePoint> ThinPoints(std::vector<FigurePoint> points,
                                    size_t limit);

// The gnuplot script that draws `figure` to the file that the gnuplot variable
// `output` names, by default `output`. What cannot be drawn (values that are
// not finite, or not positive on a logarithmic axis) interrupts its curve.
// "" if no point is left.
std::string FigureScript(const Figure& figure, absl::string_view output);

// Draws to `directory`/`name`.svg and keeps the script as `name`.gp beside it;
// blocks until gnuplot is done. FAILED_PRECONDITION if there is nothing to
// draw; NOT_FOUND if gnuplot is not installed (the script is there).
absl::Status DrawFigure(const Figure& figure, const std::string& directory,
                        const std::string& name);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_FIGURE_H_
