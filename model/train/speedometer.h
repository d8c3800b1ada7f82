// SPDX-License-Identifier: Apache-2.0
//
// Loss and speed of late, for the progress line.

#ifndef CAROUSEL_MODEL_TRAIN_SPEEDOMETER_H_
#define CAROUSEL_MODEL_TRAIN_SPEEDOMETER_H_

#include <cstdint>

#include "absl/time/time.h"
#include "model/base/clock.h"
#include "model/train/trainer.h"

namespace carousel {

// Averages over roughly the last fifty steps. Thread-compatible.
class Speedometer {
 public:
  explicit Speedometer(const Clock& clock) : clock_(clock) {}

  // A step that is done; its time is that since the last one, pauses of other
  // work included.
  void Add(const TrainingStepFigures& figures);

  double loss() const { return loss_; }
  double tokens_per_second() const;

  // How long so many steps take at this speed.
  absl::Duration TimeFor(int64_t steps) const;

 private:
  const Clock& clock_;
  absl::Time last_ = absl::InfinitePast();
  double steps_ = 0;    // of the averages below
  double seconds_ = 0;  // a step
  double tokens_ = 0;   // a step
  double loss_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_SPEEDOMETER_H_
