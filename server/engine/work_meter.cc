// SPDX-License-Identifier: Apache-2.0

#include "server/engine/work_meter.h"

#include <algorithm>

namespace carousel {
namespace {

// Busy time and jobs of a sample at least, and its share in the average. Jobs
// that go on together end together, so that a few say little.
constexpr absl::Duration kSample = absl::Milliseconds(100);
constexpr int kJobs = 16;
constexpr double kShare = 0.2;

// After a sample in which nothing was done.
constexpr double kDearer = 1.5;
constexpr absl::Duration kCheapest = absl::Microseconds(10);
constexpr absl::Duration kDearest = absl::Milliseconds(100);

}  // namespace

void WorkMeter::SetBusy(bool busy, absl::Time now) {
  Count(now);
  busy_ = busy;
}

void WorkMeter::Done(int64_t tokens, absl::Time now) {
  Count(now);
  if (!busy_) return;
  tokens_ += tokens;
  ++jobs_;
  if (measured_ < kSample || jobs_ < kJobs) return;
  jobs_ = 0;
  if (tokens_ == 0) {
    // Of a server that has done nothing yet nobody knows anything better.
    const absl::Duration known = std::max(per_token_, kCheapest);
    per_token_ = std::min(known * kDearer, kDearest);
    measured_ = absl::ZeroDuration();
    return;
  }
  const absl::Duration sample = measured_ / static_cast<double>(tokens_);
  per_token_ = per_token_ == absl::ZeroDuration()
                   ? sample
                   : per_token_ + (sample - per_token_) * kShare;
  measured_ = absl::ZeroDuration();
  tokens_ = 0;
}

void WorkMeter::Count(absl::Time now) {
  if (busy_) measured_ += now - since_;
  since_ = now;
}

}  // namespace carousel
