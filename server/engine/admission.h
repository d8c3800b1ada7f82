// SPDX-License-Identifier: Apache-2.0
//
// Decides at the door whether a job may wait in the queue.
//
// The decision is a pure function of (limits, load, job, now): it owns no
// thread, no lock and no clock. The threaded shell around it is JobQueue.

#ifndef CAROUSEL_SERVER_ENGINE_ADMISSION_H_
#define CAROUSEL_SERVER_ENGINE_ADMISSION_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace carousel {

struct AdmissionLimits {
  // Most work that may wait, in tokens to be fed to a network. Counted in work
  // and not in jobs, because a long text costs a hundred times a short one.
  int64_t max_queue_tokens = 65536;

  // From so many jobs on the time that they take can be told (WorkMeter): with
  // fewer of them nobody is refused for lack of it. An engine sets it by the
  // number of its workers.
  int64_t full_load = 16;

  // Bulk jobs that wait or are worked on, at most. An engine sets it by its
  // places.
  int64_t max_bulk_jobs = 256;
};

// What the queue knows about itself at one instant.
struct QueueLoad {
  int64_t jobs = 0;
  int64_t tokens = 0;
  bool closed = false;
};

// What counts of a job that asks to be let in.
struct JobFacts {
  int64_t tokens = 0;

  // Jobs that wait or are worked on beside it.
  int64_t others = 0;

  // Until it would be done, all before it included; zero: nobody knows yet.
  absl::Duration expected = {};

  absl::Time deadline = absl::InfiniteFuture();

  // One of many, which may fill half of the queue only; and how many such jobs
  // wait or are worked on.
  bool bulk = false;
  int64_t bulk_jobs = 0;
};

// Work is counted in tokens that are fed to a network. A product over its
// vocabulary costs as much as a few of them.
inline constexpr int kTokensOfOutput = 4;

// Tokens of a text of this many bytes, at most `max_tokens`. English has five
// bytes a token or so; four is on the safe side.
int64_t TokensOfText(size_t text_bytes, int64_t max_tokens);

// What a text of this many bytes will cost, in tokens: what there is to feed,
// and two outputs.
int64_t EstimateTokens(size_t text_bytes, int max_tokens);

// OK, or why the job is refused:
//   UNAVAILABLE         the queue is closed (the server is draining)
//   DEADLINE_EXCEEDED   the deadline has passed already
//   RESOURCE_EXHAUSTED  the job does not fit beside those that wait, or beside
//                       the other bulk jobs, or would,
//                       with others for a full load, be done too close to its
//                       deadline or after it; with advice when to try again
//                       (model/base/retry.h). An empty queue takes a job of any
//                       size, or one larger than the bound could never run.
absl::Status Admit(const AdmissionLimits& limits, const QueueLoad& load,
                   const JobFacts& job, absl::Time now);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_ADMISSION_H_
