// SPDX-License-Identifier: Apache-2.0
//
// Maps of the line that are iterated: x, f(x), f(f(x)), ... Where that goes is
// what back-propagation through time lives with: the derivative of many steps
// is the product of the derivatives on the way, and near a fixed point that is
// f'(x) to the power of the steps. It vanishes at a sink and explodes at a
// source.

#ifndef CAROUSEL_MODEL_TRAIN_DIAGNOSE_FIXED_POINTS_H_
#define CAROUSEL_MODEL_TRAIN_DIAGNOSE_FIXED_POINTS_H_

#include <functional>
#include <string>
#include <vector>

namespace carousel {

struct IteratedMap {
  std::string name = {};     // of files
  std::string formula = {};  // of people
  std::function<double(double)> f = {};
  std::function<double(double)> derivative = {};
  double low = 0;  // where fixed points are sought, and what is drawn
  double high = 1;
  std::vector<double> starts = {};  // whose ways are drawn
};

// x^2 + 0.15.
IteratedMap SquareMap();

// 3.5 x (1 - x).
IteratedMap LogisticMap();

// tanh(w x + b): a tanh RNN of one unit without input.
IteratedMap UnitMap(double w, double b);

// start, f(start), ... : steps + 1 numbers, fewer if they leave the doubles.
std::vector<double> Iterate(const IteratedMap& map, double start, int steps);

enum class Stability {
  kSink,     // |f'| < 1: what is near comes nearer
  kSource,   // |f'| > 1
  kNeutral,  // |f'| = 1, within rounding
};

// A fixed point, or with period > 1 a cycle.
struct Cycle {
  std::vector<double> points = {};  // `period` of them, from the smallest on
  double derivative = 0;            // of one turn: the product along the points
  Stability stability = Stability::kNeutral;
};

// The cycles of exactly this period in [low, high], by bracketing between the
// nodes of a fine grid and Newton's method. Fixed points where f only touches
// the diagonal are found if they lie on a node.
std::vector<Cycle> FindCycles(const IteratedMap& map, int period);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DIAGNOSE_FIXED_POINTS_H_
