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
  kCosine,  // half a cosine: slow, fast, slow (Loshchilov and Hutter 2017)
};

struct LearningRateSchedule {
  float peak = 1e-3f;
  float final = 0;  // reached at the last step; unused by kConstant
  int64_t warmup_steps = 0;
  Decay decay = Decay::kCosine;
  int64_t total_steps = 1;
};

// The rate of step `step` (the first is 0): rises in a straight line to `peak`
// over the warm-up, then falls to `final`, where it stays past the end.
float LearningRateAt(const LearningRateSchedule& schedule, int64_t step);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_LEARNING_RATE_H_
