// SPDX-License-Identifier: Apache-2.0

#include "client/load/tally.h"

#include "absl/time/clock.h"

namespace carousel {

void Tally::AddAnswer(absl::Time start) {
  if (!Counts(start)) return;
  MutexLock lock(&mutex_);
  latency_.Add(absl::Now() - start);
}

void Tally::AddError(absl::Time start, absl::string_view error) {
  if (!Counts(start)) return;
  MutexLock lock(&mutex_);
  ++errors_[std::string(error)];
}

int64_t Tally::count() const {
  MutexLock lock(&mutex_);
  return latency_.count();
}

LoadResult Tally::Result() const {
  MutexLock lock(&mutex_);
  return {.measured = to_ - from_, .latency = latency_, .errors = errors_};
}

}  // namespace carousel
