// SPDX-License-Identifier: Apache-2.0
//
// A clock that stands still until a test moves it.

#ifndef CAROUSEL_TESTS_TESTING_FAKE_CLOCK_H_
#define CAROUSEL_TESTS_TESTING_FAKE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "model/base/clock.h"

namespace carousel {

// Thread-safe.
class FakeClock : public Clock {
 public:
  explicit FakeClock(absl::Time now = absl::FromUnixSeconds(1'000'000'000))
      : nanoseconds_(absl::ToUnixNanos(now)) {}

  absl::Time Now() const override {
    return absl::FromUnixNanos(nanoseconds_.load());
  }

  void Advance(absl::Duration duration) {
    nanoseconds_ += absl::ToInt64Nanoseconds(duration);
  }

 private:
  std::atomic<int64_t> nanoseconds_;
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_FAKE_CLOCK_H_
