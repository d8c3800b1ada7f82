// SPDX-License-Identifier: Apache-2.0
//
// Measures how fast an engine gets through its work, to say how long more of it
// would take.

#ifndef CAROUSEL_SERVER_ENGINE_WORK_METER_H_
#define CAROUSEL_SERVER_ENGINE_WORK_METER_H_

#include <cstdint>

#include "absl/time/time.h"

namespace carousel {

// Work is counted in tokens (admission.h), and the time while there was enough
// of it for large batches: a token of a small one costs several times as much,
// and says nothing about times of overload. An average over the last second or
// so of that. Not thread-safe; time is the caller's.
class WorkMeter {
 public:
  // From `now` on there is enough work, or not.
  void SetBusy(bool busy, absl::Time now);

  // So much was done. Without enough work it counts for nothing.
  void Done(int64_t tokens, absl::Time now);

  // What `tokens` would take; zero as long as nobody knows.
  absl::Duration TimeFor(int64_t tokens) const {
    return per_token_ * static_cast<double>(tokens);
  }

 private:
  void Count(absl::Time now);

  bool busy_ = false;
  absl::Time since_ = {};         // counted up to here, if busy
  absl::Duration measured_ = {};  // of this sample
  int64_t tokens_ = 0;            // the same
  absl::Duration per_token_ = {};
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_WORK_METER_H_
