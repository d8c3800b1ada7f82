// SPDX-License-Identifier: Apache-2.0
//
// Whether a classifier is as sure as it is right, and the one number that makes
// it so: temperature scaling (Guo, Pleiss, Sun, Weinberger 2017, section 4.2).
// The logits are divided by T, which changes no label, and T is chosen to make
// the labels of a data set as probable as possible.

#ifndef CAROUSEL_MODEL_TASKS_CALIBRATION_H_
#define CAROUSEL_MODEL_TASKS_CALIBRATION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace carousel {

// Counts answers by how probable they were said to be, in 15 bins of equal
// width (the same paper, section 2). Not thread-safe.
class CalibrationBins {
 public:
  // An answer that was given this probability was right, or not.
  void Add(double probability, bool right);

  // Expected calibration error: the difference between the share that is right
  // and the mean probability in each bin, weighted by the answers in it. 0 is
  // perfect; 0 also of none.
  double ExpectedError() const;

 private:
  struct Bin {
    int64_t n = 0;
    int64_t right = 0;
    double probabilities = 0;
  };

  std::array<Bin, 15> bins_ = {};
  int64_t n_ = 0;
};

// A text whose label is known: its log-probabilities, and which is right.
struct LabelledAnswer {
  std::vector<float> log_probabilities;
  size_t label = 0;
};

// The most probable label of an answer at temperature T, and its probability.
struct TemperedLabel {
  size_t label = 0;
  double probability = 0;
};
TemperedLabel BestAt(double temperature,
                     absl::Span<const float> log_probabilities);

// The temperature in [0.05, 20] at which the right labels are most probable.
// REQUIRES: there are answers.
double FitTemperature(absl::Span<const LabelledAnswer> answers);

// The expected calibration error at a temperature.
double ExpectedErrorAt(double temperature,
                       absl::Span<const LabelledAnswer> answers);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_CALIBRATION_H_
