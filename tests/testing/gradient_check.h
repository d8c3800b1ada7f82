// SPDX-License-Identifier: Apache-2.0
//
// Gradients against central differences in double of a slow, obvious forward
// pass that shares no code with what is tested.

#ifndef CAROUSEL_TESTS_TESTING_GRADIENT_CHECK_H_
#define CAROUSEL_TESTS_TESTING_GRADIENT_CHECK_H_

#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "model/base/random.h"

namespace carousel {

using Doubles = std::vector<double>;
using Floats = std::vector<float>;

// Numbers in (-bound, bound) that a float holds exactly, so that both sides
// start from equal ones.
inline Doubles RandomDoubles(size_t count, float bound, uint64_t seed) {
  Random random(seed);
  Doubles values(count);
  for (double& value : values) value = random.Uniform(-bound, bound);
  return values;
}

inline Floats ToFloats(const Doubles& values) {
  return {values.begin(), values.end()};
}

// |found - dLoss/dvariables| / |dLoss/dvariables|, by central differences;
// `loss` reads `variables`. The difference itself if the gradient is 0.
inline double GradientError(const std::function<double()>& loss,
                            Doubles* variables, const Floats& found) {
  constexpr double kEpsilon = 1e-5;
  double difference = 0;
  double norm = 0;
  for (size_t k = 0; k < variables->size(); ++k) {
    double& variable = (*variables)[k];
    const double before = variable;
    variable = before + kEpsilon;
    const double above = loss();
    variable = before - kEpsilon;
    const double below = loss();
    variable = before;
    const double expected = (above - below) / (2 * kEpsilon);
    difference += std::pow(expected - static_cast<double>(found[k]), 2);
    norm += expected * expected;
  }
  return std::sqrt(norm > 0 ? difference / norm : difference);
}

// |found - expected| / |expected| over all elements.
inline double RelativeDifference(const Floats& found, const Doubles& expected) {
  double difference = 0;
  double norm = 0;
  for (size_t k = 0; k < expected.size(); ++k) {
    difference += std::pow(static_cast<double>(found[k]) - expected[k], 2);
    norm += expected[k] * expected[k];
  }
  return std::sqrt(norm > 0 ? difference / norm : difference);
}

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_GRADIENT_CHECK_H_
