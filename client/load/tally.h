// SPDX-License-Identifier: Apache-2.0
//
// What all users of a load share: what became of their requests.

#ifndef CAROUSEL_CLIENT_LOAD_TALLY_H_
#define CAROUSEL_CLIENT_LOAD_TALLY_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/load/latency_histogram.h"
#include "client/load/load.h"
#include "model/base/mutex.h"

namespace carousel {

// Thread-safe. A request counts by the time when it should have begun, so that
// the slow ones, which end late, are not left out.
class Tally {
 public:
  // Counts what should have begun in [from, to).
  Tally(absl::Time from, absl::Time to) : from_(from), to_(to) {}

  // A request that should have begun at `start` has been answered at this
  // moment.
  void AddAnswer(absl::Time start);

  // ... or not: `error` is the name of a code, or of what else came of it.
  void AddError(absl::Time start, absl::string_view error);

  absl::Time end() const { return to_; }
  bool IsOver(absl::Time time) const { return time >= to_; }

  // Answers so far.
  int64_t count() const;

  LoadResult Result() const;

 private:
  bool Counts(absl::Time start) const { return from_ <= start && start < to_; }

  const absl::Time from_;
  const absl::Time to_;
  mutable Mutex mutex_;
  LatencyHistogram latency_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> errors_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_LOAD_TALLY_H_
