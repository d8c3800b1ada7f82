// SPDX-License-Identifier: Apache-2.0

#include "server/engine/work.h"

namespace carousel {

absl::Status CheckWanted(const JobTerms& terms, absl::Time now) {
  if (now >= terms.deadline) {
    return absl::DeadlineExceededError(
        "the deadline passed before the answer was computed");
  }
  if (terms.cancelled != nullptr &&
      terms.cancelled->load(std::memory_order_relaxed)) {
    return absl::CancelledError("the caller has left");
  }
  return absl::OkStatus();
}

}  // namespace carousel
