// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/calibration.h"

#include <algorithm>
#include <cmath>

#include "model/base/check.h"

namespace carousel {
namespace {

// log sum_k exp(b l_k): the normaliser at inverse temperature b.
double LogNormaliser(double inverse, absl::Span<const float> logs) {
  const double max = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (float value : logs) sum += std::exp(inverse * (value - max));
  return inverse * max + std::log(sum);
}

// Of the right labels; convex in the inverse temperature.
double MeanLoss(double inverse, absl::Span<const LabelledAnswer> answers) {
  double loss = 0;
  for (const LabelledAnswer& answer : answers) {
    loss += LogNormaliser(inverse, answer.log_probabilities) -
            inverse * answer.log_probabilities[answer.label];
  }
  return loss / static_cast<double>(answers.size());
}

}  // namespace

void CalibrationBins::Add(double probability, bool right) {
  const auto count = static_cast<double>(bins_.size());
  const auto bin = static_cast<size_t>(
      std::clamp(std::ceil(probability * count) - 1, 0.0, count - 1));
  ++n_;
  ++bins_[bin].n;
  bins_[bin].right += right;
  bins_[bin].probabilities += probability;
}

double CalibrationBins::ExpectedError() const {
  double error = 0;
  for (const Bin& bin : bins_) {
    error += std::abs(static_cast<double>(bin.right) - bin.probabilities);
  }
  return n_ == 0 ? 0 : error / static_cast<double>(n_);
}

TemperedLabel BestAt(double temperature,
                     absl::Span<const float> log_probabilities) {
  const auto best =
      std::max_element(log_probabilities.begin(), log_probabilities.end());
  const double inverse = 1 / temperature;
  return {
      static_cast<size_t>(best - log_probabilities.begin()),
      std::exp(inverse * *best - LogNormaliser(inverse, log_probabilities))};
}

// Golden-section search over the inverse temperature.
double FitTemperature(absl::Span<const LabelledAnswer> answers) {
  CAROUSEL_CHECK(!answers.empty());
  constexpr double kGolden = 0.6180339887498949;
  constexpr int kSteps = 60;  // each leaves 0.62 of the interval
  double low = 1.0 / 20, high = 1.0 / 0.05;
  double a = high - kGolden * (high - low), b = low + kGolden * (high - low);
  double loss_a = MeanLoss(a, answers), loss_b = MeanLoss(b, answers);
  for (int i = 0; i < kSteps; ++i) {
    if (loss_a < loss_b) {
      high = b;
      b = a;
      loss_b = loss_a;
      a = high - kGolden * (high - low);
      loss_a = MeanLoss(a, answers);
    } else {
      low = a;
      a = b;
      loss_a = loss_b;
      b = low + kGolden * (high - low);
      loss_b = MeanLoss(b, answers);
    }
  }
  return 2 / (low + high);
}

double ExpectedErrorAt(double temperature,
                       absl::Span<const LabelledAnswer> answers) {
  CalibrationBins bins;
  for (const LabelledAnswer& answer : answers) {
    const TemperedLabel best = BestAt(temperature, answer.log_probabilities);
    bins.Add(best.probability, best.label == answer.label);
  }
  return bins.ExpectedError();
}

}  // namespace carousel
