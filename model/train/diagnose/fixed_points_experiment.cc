// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "model/train/diagnose/experiment.h"
#include "model/train/diagnose/fixed_points.h"

namespace carousel {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kPeriods[] = {1, 2, 4};
constexpr int kDrawnSteps = 40;
constexpr int kSettledSteps = 10000;
constexpr int kCurveNodes = 400;

const char* StabilityName(Stability stability) {
  switch (stability) {
    case Stability::kSink:
      return "sink";
    case Stability::kSource:
      return "source";
    case Stability::kNeutral:
      break;
  }
  return "neutral";
}

std::vector<Cycle> FindAllCycles(const IteratedMap& map) {
  std::vector<Cycle> cycles;
  for (const int period : kPeriods) {
    for (Cycle& cycle : FindCycles(map, period)) {
      cycles.push_back(std::move(cycle));
    }
  }
  return cycles;
}

// The fixed points and cycles of one stability.
Curve Marks(const std::vector<Cycle>& cycles, Stability stability, int colour) {
  Curve curve = {.title = StabilityName(stability),
                 .style = Curve::Style::kPoints,
                 .colour = colour};
  for (const Cycle& cycle : cycles) {
    if (cycle.stability != stability) continue;
    for (size_t i = 0; i < cycle.points.size(); ++i) {
      const double next = cycle.points[(i + 1) % cycle.points.size()];
      curve.points.push_back({cycle.points[i], next});
    }
  }
  return curve;
}

// y = f(x), the diagonal, the staircases from the starts, and the marks.
Figure PhasePlot(const IteratedMap& map, const std::vector<Cycle>& cycles) {
  Figure figure = {.title = absl::StrCat("f(x) = ", map.formula),
                   .x_label = "x",
                   .y_label = "f(x)",
                   .x_range = std::pair(map.low, map.high),
                   .y_range = std::pair(map.low, map.high),
                   .square = true};
  Curve f = {.title = "f(x)", .colour = 0, .width = 2.5};
  for (int i = 0; i <= kCurveNodes; ++i) {
    const double x = map.low + (map.high - map.low) * i / kCurveNodes;
    f.points.push_back({x, map.f(x)});
  }
  figure.curves.push_back(std::move(f));
  figure.curves.push_back({.title = "diagonal",
                           .points = {{map.low, map.low}, {map.high, map.high}},
                           .style = Curve::Style::kDashes,
                           .colour = 7});
  for (size_t i = 0; i < map.starts.size(); ++i) {
    figure.curves.push_back(
        {.title = absl::StrFormat("from %g", map.starts[i]),
         .points = Staircase(Iterate(map, map.starts[i], kDrawnSteps)),
         .colour = static_cast<int>(3 + i),
         .width = 1});
  }
  figure.curves.push_back(Marks(cycles, Stability::kSink, 2));
  figure.curves.push_back(Marks(cycles, Stability::kSource, 1));
  return figure;
}

std::string JoinPoints(const std::vector<double>& points) {
  return absl::StrJoin(points, ", ", [](std::string* out, double x) {
    absl::StrAppendFormat(out, "%.6f", x);
  });
}

Json CycleToJson(const Cycle& cycle) {
  return {{"period", cycle.points.size()},
          {"points", cycle.points},
          {"derivative", cycle.derivative},
          {"kind", StabilityName(cycle.stability)}};
}

// Where each start has come to after very many steps.
Json SettledAt(const IteratedMap& map) {
  Json settled = Json::array();
  for (const double start : map.starts) {
    const double end = Iterate(map, start, kSettledSteps).back();
    settled.push_back(Json{{"start", start},
                           {"end", std::isfinite(end) ? Json(end) : Json()}});
  }
  return settled;
}

void AddMap(const IteratedMap& map, const std::string& figure_name,
            Section* section) {
  const std::vector<Cycle> cycles = FindAllCycles(map);
  Json found = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const Cycle& cycle : cycles) {
    found.push_back(CycleToJson(cycle));
    rows.push_back({absl::StrCat(cycle.points.size()), JoinPoints(cycle.points),
                    absl::StrFormat("%.4f", cycle.derivative),
                    StabilityName(cycle.stability)});
  }
  section->numbers["maps"].push_back(Json{{"name", map.name},
                                          {"formula", map.formula},
                                          {"cycles", std::move(found)},
                                          {"settled", SettledAt(map)}});
  absl::StrAppend(
      &section->text, "**f(x) = ", map.formula, "**\n\n",
      MarkdownTable({"period", "points", "derivative of one turn", "kind"},
                    rows),
      "\n");
  section->figures.push_back({figure_name, PhasePlot(map, cycles)});
}

absl::StatusOr<Section> RunFixedPoints(const ExperimentContext& context) {
  Section section;
  section.text =
      "Iterating a map is what a recurrent network does between its inputs. "
      "Near a fixed point the derivative of k steps is f'(x) to the power of "
      "k: a sink (below 1) pulls all that is near into it, and the gradient "
      "that goes back vanishes; a source (above 1) pushes away, and the "
      "gradient explodes. The logistic map has left its fixed points and its "
      "cycle of two for a cycle of four, its only sink. One tanh unit with a "
      "weight above 1 keeps one bit: two sinks, and a source between them.\n\n";
  AddMap(SquareMap(), kFixedPointsExperiment.name, &section);
  AddMap(LogisticMap(), absl::StrCat(kFixedPointsExperiment.name, "-logistic"),
         &section);
  AddMap(UnitMap(context.options.weight, context.options.bias),
         absl::StrCat(kFixedPointsExperiment.name, "-unit"), &section);
  return section;
}

}  // namespace

const Experiment kFixedPointsExperiment = {
    "fixed-points", "Fixed points: where an iterated map goes", RunFixedPoints};

}  // namespace carousel
