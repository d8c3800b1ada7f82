// SPDX-License-Identifier: Apache-2.0
//
// Time as a dependency, so that tests move it instead of waiting for it.

#ifndef CAROUSEL_MODEL_BASE_CLOCK_H_
#define CAROUSEL_MODEL_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace carousel {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;

  // The system's clock. Never destroyed.
  static const Clock& Real();
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_CLOCK_H_
