// SPDX-License-Identifier: Apache-2.0
//
// An error that says when to try again. Whoever refuses work knows best how
// long it will be busy; the transport tells the caller in its own way.

#ifndef CAROUSEL_MODEL_BASE_RETRY_H_
#define CAROUSEL_MODEL_BASE_RETRY_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace carousel {

// `status` with the advice to wait `delay` before the next try; an earlier
// advice is replaced. OK stays as it is. REQUIRES: `delay` is not negative.
//
//   return WithRetryDelay(absl::ResourceExhaustedError("the queue is full"),
//                         absl::Milliseconds(250));
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);

// The advice, if there is one.
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_RETRY_H_
