// SPDX-License-Identifier: Apache-2.0

#include "server/engine/admission.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "model/base/retry.h"

namespace carousel {

namespace {

// An estimate that is short by this much does not miss a deadline.
constexpr double kMargin = 2;

// When what waits now will be done, but neither at once nor never.
absl::Duration RetryDelay(absl::Duration expected) {
  return std::clamp(expected, absl::Milliseconds(20), absl::Seconds(10));
}

}  // namespace

int64_t TokensOfText(size_t text_bytes, int64_t max_tokens) {
  constexpr int64_t kBytesPerToken = 4;
  return std::min(static_cast<int64_t>(text_bytes) / kBytesPerToken,
                  max_tokens);
}

int64_t EstimateTokens(size_t text_bytes, int max_tokens) {
  return int64_t{2} * kTokensOfOutput + TokensOfText(text_bytes, max_tokens);
}

absl::Status Admit(const AdmissionLimits& limits, const QueueLoad& load,
                   const JobFacts& job, absl::Time now) {
  if (load.closed) {
    return absl::UnavailableError(
        "the server is draining and takes no new requests");
  }
  if (now >= job.deadline) {
    return absl::DeadlineExceededError(
        "the deadline had passed when the request arrived");
  }
  const int64_t most = limits.max_queue_tokens / (job.bulk ? 2 : 1);
  if (load.jobs > 0 && load.tokens + job.tokens > most) {
    return WithRetryDelay(
        absl::ResourceExhaustedError(absl::StrCat(
            "the queue is full: ", load.jobs, " requests with ", load.tokens,
            " tokens wait, ", most, " tokens may; retry with backoff")),
        RetryDelay(job.expected));
  }
  if (job.bulk && job.bulk_jobs >= limits.max_bulk_jobs) {
    return WithRetryDelay(
        absl::ResourceExhaustedError(
            absl::StrCat(job.bulk_jobs, " texts of bulk streams are at work, ",
                         limits.max_bulk_jobs, " may be")),
        RetryDelay(job.expected));
  }
  const absl::Duration left = job.deadline - now;
  if (job.others >= limits.full_load && job.expected * kMargin > left) {
    return WithRetryDelay(
        absl::ResourceExhaustedError(absl::StrCat(
            "the answer would take ", absl::FormatDuration(job.expected),
            " or up to ", kMargin, " times that, the deadline leaves ",
            absl::FormatDuration(left), ": ", job.others,
            " requests are at work; retry with backoff")),
        RetryDelay(job.expected));
  }
  return absl::OkStatus();
}

}  // namespace carousel
