// SPDX-License-Identifier: Apache-2.0
//
// What passes between a transport (gRPC, HTTP) and the services besides the
// messages.

#ifndef CAROUSEL_SERVER_CORE_CALL_H_
#define CAROUSEL_SERVER_CORE_CALL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace carousel {

// Who waits for the answer, and how long.
struct CallContext {
  absl::Time deadline = absl::InfiniteFuture();

  // Set by the transport when the caller is gone. Null: never.
  std::shared_ptr<const std::atomic<bool>> cancelled = {};

  // One of many, whose caller waits for room if there is none.
  bool bulk = false;
};

// What the answer took; goes to the caller in trailers and into the metrics.
struct CallReport {
  std::optional<absl::Duration> queue = {};  // nothing: never in the queue
  absl::Duration compute = {};
  int batch = 0;        // 0: never worked on
  int64_t version = 0;  // of the model; 0: none was found
};

// Of a job that is done; `its`: a JobReport, or what has the same members.
template <typename Report>
CallReport ReportOf(const Report& its, int64_t version) {
  return {.queue = its.queue,
          .compute = its.compute,
          .batch = its.batch,
          .version = version};
}

// Called exactly once, from any thread; must not block.
template <typename Response>
using CallDone =
    absl::AnyInvocable<void(absl::StatusOr<Response>, const CallReport&) &&>;

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_CALL_H_
