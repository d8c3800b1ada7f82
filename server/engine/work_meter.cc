// SPDX-License-Identifier: Apache-2.0

#include "server/engine/work_meter.h"

namespace carousel {
namespace {

// Busy time of a sample, and its share in the average.
constexpr absl::Duration kSample = absl::Milliseconds(100);
constexpr double kShare = 0.2;

}  // namespace

void WorkMeter::SetBusy(bool busy, absl::Time now) {
  Count(now);
  busy_ = busy;
}

void WorkMeter::Done(int64_t tokens, absl::Time now) {
  Count(now);
  if (!busy_) return;
  tokens_ += tokens;
  if (measured_ < kSample || tokens_ == 0) return;
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
