// SPDX-License-Identifier: Apache-2.0
#include "model/train/speedometer.h"

#include <algorithm>

namespace carousel {

void Speedometer::Add(const TrainingStepFigures& figures) {
  constexpr double kWindow = 50;  // steps
  const absl::Time now = clock_.Now();
  steps_ = std::min(steps_ + 1, kWindow);
  const auto update = [this](double value, double* average) {
    *average += (value - *average) / steps_;
  };
  update(figures.loss, &loss_);
  update(static_cast<double>(figures.targets), &tokens_);
  // The first step has no beginning to measure from.
  if (last_ != absl::InfinitePast()) {
    const double seconds = absl::ToDoubleSeconds(now - last_);
    seconds_ =
        seconds_ == 0 ? seconds : seconds_ + (seconds - seconds_) / steps_;
  }
  last_ = now;
}

double Speedometer::tokens_per_second() const {
  return seconds_ > 0 ? tokens_ / seconds_ : 0;
}

absl::Duration Speedometer::TimeFor(int64_t steps) const {
  if (seconds_ == 0) return absl::InfiniteDuration();
  return absl::Seconds(static_cast<double>(steps) * seconds_);
}

}  // namespace carousel
