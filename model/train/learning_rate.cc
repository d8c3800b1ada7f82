// SPDX-License-Identifier: Apache-2.0
#include "model/train/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace carousel {

float LearningRateAt(const LearningRateSchedule& schedule, int64_t step) {
  if (step < schedule.warmup_steps) {
    return schedule.peak * static_cast<float>(step + 1) /
           static_cast<float>(schedule.warmup_steps);
  }
  if (schedule.decay == Decay::kConstant) return schedule.peak;
  // The last step, total_steps - 1, is at 1.
  const int64_t length =
      std::max<int64_t>(1, schedule.total_steps - 1 - schedule.warmup_steps);
  const double done =
      std::min(1.0, static_cast<double>(step - schedule.warmup_steps) /
                        static_cast<double>(length));
  const double left = schedule.decay == Decay::kLinear
                          ? 1 - done
                          : (1 + std::cos(std::numbers::pi * done)) / 2;
  return static_cast<float>(schedule.final +
                            (schedule.peak - schedule.final) * left);
}

}  // namespace carousel
