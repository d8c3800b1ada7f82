// SPDX-License-Identifier: Apache-2.0

#include "model/base/retry.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/types/optional.h"
#include "model/base/check.h"

namespace carousel {
namespace {

// Names the payload. What it holds is text as absl::FormatDuration writes it.
constexpr char kRetryDelay[] = "carousel/retry-delay";

}  // namespace

absl::Status WithRetryDelay(absl::Status status, absl::Duration delay) {
  CAROUSEL_CHECK(delay >= absl::ZeroDuration());
  status.SetPayload(kRetryDelay, absl::Cord(absl::FormatDuration(delay)));
  return status;
}

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const absl::optional<absl::Cord> text = status.GetPayload(kRetryDelay);
  absl::Duration delay;
  if (!text.has_value() || !absl::ParseDuration(std::string(*text), &delay)) {
    return std::nullopt;
  }
  return delay;
}

}  // namespace carousel
