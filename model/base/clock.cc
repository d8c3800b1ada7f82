// SPDX-License-Identifier: Apache-2.0

#include "model/base/clock.h"

#include "absl/time/clock.h"

namespace carousel {
namespace {

class RealClock : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace

const Clock& Clock::Real() {
  static const auto* const clock = new RealClock;
  return *clock;
}

}  // namespace carousel
