// SPDX-License-Identifier: Apache-2.0
//
// The learning rate over the length of a run: warm-up, then decay.

#ifndef CAROUSEL_MODEL_TRAIN_LEARNING_RATE_H_
#define CAROUSEL_MODEL_TRAIN_LEARNING_RATE_H_

#include <cstdint>

namespace carousel {

enum class Decay {
  kConstant,
  kLinear,
  kCosine,    // half a cosine: slow, fast, slow (Loshchilov and Hutter 2017)
  kOneCycle,  // up, then down to far below the beginning (Smith 2018)
  kPlateau,   // constant, and lowered when dev no longer improves
};

struct LearningRateSchedule {
  float peak = 1e-3f;
  float final = 0;  // kLinear, kCosine: reached at the last step
  int64_t warmup_steps = 0;
  Decay decay = Decay::kCosine;
  int64_t total_steps = 1;

  // kOneCycle: from peak / cycle_div in half a cosine up to `peak` over this
  // share of the steps, then down to peak / cycle_div / cycle_final_div.
  // `final` and the warm-up are of no concern to it.
  float cycle_rise = 0.3f;
  float cycle_div = 25;
  float cycle_final_div = 1e4f;

  // kPlateau: multiplied by the factor after so many evaluations without a
  // better one, never below `final`.
  int plateau_evaluations = 2;
  float plateau_factor = 0.25f;
};

// The rate of step `step` (the first is 0): rises in a straight line to `peak`
// over the warm-up, then falls as `decay` says. It stays where it is past the
// end. `plateau_scale` is the product of kPlateau's factors so far.
float LearningRateAt(const LearningRateSchedule& schedule, int64_t step,
                     double plateau_scale = 1);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_LEARNING_RATE_H_
