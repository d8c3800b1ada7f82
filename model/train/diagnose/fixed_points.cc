// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/fixed_points.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/str_format.h"

namespace carousel {
namespace {

constexpr int kGridCells = 1 << 13;
constexpr int kIterations = 200;
constexpr double kSamePoint = 1e-9;

struct ValueAndSlope {
  double value = 0;
  double slope = 0;
};

// f applied `times` times, and its derivative by the chain rule.
ValueAndSlope Compose(const IteratedMap& map, double x, int times) {
  double slope = 1;
  for (int i = 0; i < times; ++i) {
    slope *= map.derivative(x);
    x = map.f(x);
  }
  return {x, slope};
}

// The zero of f^period(x) - x between `low` and `high`, where its sign differs:
// Newton's steps, and halving where they would leave the bracket.
double FindZero(const IteratedMap& map, int period, double low, double high) {
  const auto g = [&](double x) { return Compose(map, x, period).value - x; };
  const bool rising = g(high) > 0;
  double x = 0.5 * (low + high);
  for (int i = 0; i < kIterations && high - low > 0; ++i) {
    const ValueAndSlope at = Compose(map, x, period);
    const double value = at.value - x;
    if (value == 0) break;
    ((value > 0) == rising ? high : low) = x;
    const double newton = x - value / (at.slope - 1);
    const double next =
        newton > low && newton < high ? newton : 0.5 * (low + high);
    if (next == x) break;
    x = next;
  }
  return x;
}

bool SamePoint(double a, double b) {
  return std::abs(a - b) <= kSamePoint * std::max(1.0, std::abs(a));
}

// Every zero of f^period(x) - x that the grid shows, in order.
std::vector<double> FindZeros(const IteratedMap& map, int period) {
  std::vector<double> zeros;
  const auto add = [&zeros](double x) {
    if (zeros.empty() || !SamePoint(zeros.back(), x)) zeros.push_back(x);
  };
  double before = 0;  // g at the node before
  for (int i = 0; i <= kGridCells; ++i) {
    const auto node = [&](int k) {
      return map.low + (map.high - map.low) * k / kGridCells;
    };
    const double x = node(i);
    const double value = Compose(map, x, period).value - x;
    if (value == 0) {
      add(x);
    } else if (before * value < 0) {
      add(FindZero(map, period, node(i - 1), x));
    }
    before = value;
  }
  return zeros;
}

// Whether x comes back to itself sooner than after `period` steps.
bool HasShorterPeriod(const IteratedMap& map, double x, int period) {
  for (int p = 1; p < period; ++p) {
    // Rounding grows with the slope of the composition.
    if (period % p == 0 && std::abs(Compose(map, x, p).value - x) <
                               1e-7 * std::max(1.0, std::abs(x))) {
      return true;
    }
  }
  return false;
}

Stability StabilityOf(double derivative) {
  constexpr double kTolerance = 1e-9;
  const double size = std::abs(derivative);
  if (std::abs(size - 1) <= kTolerance) return Stability::kNeutral;
  return size < 1 ? Stability::kSink : Stability::kSource;
}

}  // namespace

IteratedMap SquareMap() {
  return {.name = "square",
          .formula = "x^2 + 0.15",
          .f = [](double x) { return x * x + 0.15; },
          .derivative = [](double x) { return 2 * x; },
          .low = 0,
          .high = 1,
          .starts = {0.02, 0.78, 0.83}};
}

IteratedMap LogisticMap() {
  return {.name = "logistic",
          .formula = "3.5 x (1 - x)",
          .f = [](double x) { return 3.5 * x * (1 - x); },
          .derivative = [](double x) { return 3.5 - 7 * x; },
          .low = 0,
          .high = 1,
          .starts = {0.12}};
}

IteratedMap UnitMap(double w, double b) {
  return {.name = "unit",
          .formula = absl::StrFormat("tanh(%g x %s %g)", w, b < 0 ? "-" : "+",
                                     std::abs(b)),
          .f = [w, b](double x) { return std::tanh(w * x + b); },
          .derivative =
              [w, b](double x) {
                const double y = std::tanh(w * x + b);
                return w * (1 - y * y);
              },
          .low = -1.1,
          .high = 1.1,
          .starts = {-0.05, 0.05}};
}

std::vector<double> Iterate(const IteratedMap& map, double start, int steps) {
  std::vector<double> values = {start};
  for (int i = 0; i < steps && std::isfinite(values.back()); ++i) {
    values.push_back(map.f(values.back()));
  }
  return values;
}

std::vector<Cycle> FindCycles(const IteratedMap& map, int period) {
  std::vector<Cycle> cycles;
  for (const double zero : FindZeros(map, period)) {
    if (HasShorterPeriod(map, zero, period)) continue;
    Cycle cycle = {.points = Iterate(map, zero, period - 1)};
    // Each point of a cycle is a zero; the smallest stands for it.
    if (*std::min_element(cycle.points.begin(), cycle.points.end()) !=
        cycle.points.front()) {
      continue;
    }
    cycle.derivative = Compose(map, zero, period).slope;
    cycle.stability = StabilityOf(cycle.derivative);
    cycles.push_back(std::move(cycle));
  }
  return cycles;
}

}  // namespace carousel
