// SPDX-License-Identifier: Apache-2.0
#include "model/train/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace carousel {
namespace {

// Half a cosine from `begin` to `end`, of which `done` (0 to 1) is behind.
double HalfCosine(double begin, double end, double done) {
  return end + (begin - end) * (1 + std::cos(std::numbers::pi * done)) / 2;
}

// The last step of the rise is at `peak`, the last step of all at the bottom.
double OneCycle(const LearningRateSchedule& s, int64_t step) {
  const auto peak = static_cast<double>(s.peak);
  const double begin = peak / static_cast<double>(s.cycle_div);
  const double end = begin / static_cast<double>(s.cycle_final_div);
  const auto last = static_cast<double>(s.total_steps - 1);
  const double top =
      static_cast<double>(s.cycle_rise) * static_cast<double>(s.total_steps) -
      1;
  const double at = std::min(static_cast<double>(step), last);
  if (at <= top) return HalfCosine(begin, peak, at / std::max(top, 1.0));
  return HalfCosine(peak, end, (at - top) / std::max(last - top, 1.0));
}

}  // namespace

float LearningRateAt(const LearningRateSchedule& s, int64_t step,
                     double plateau_scale) {
  if (s.decay == Decay::kOneCycle) return static_cast<float>(OneCycle(s, step));
  if (step < s.warmup_steps) {
    return s.peak * static_cast<float>(step + 1) /
           static_cast<float>(s.warmup_steps);
  }
  const auto peak = static_cast<double>(s.peak);
  const auto final = static_cast<double>(s.final);
  if (s.decay == Decay::kConstant) return s.peak;
  if (s.decay == Decay::kPlateau) {
    return static_cast<float>(
        std::max(peak * plateau_scale, std::min(peak, final)));
  }
  // The last step, total_steps - 1, is at 1.
  const int64_t length =
      std::max<int64_t>(1, s.total_steps - 1 - s.warmup_steps);
  const double done = std::min(1.0, static_cast<double>(step - s.warmup_steps) /
                                        static_cast<double>(length));
  return static_cast<float>(s.decay == Decay::kLinear
                                ? final + (peak - final) * (1 - done)
                                : HalfCosine(peak, final, done));
}

}  // namespace carousel
