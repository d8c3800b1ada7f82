// SPDX-License-Identifier: Apache-2.0
//
// A request on its way through the engine.

#ifndef CAROUSEL_SERVER_ENGINE_JOB_H_
#define CAROUSEL_SERVER_ENGINE_JOB_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "model/layers/language_model.h"
#include "model/tasks/completion.h"

namespace carousel {

// What became of a job, and what it took.
struct JobResult {
  absl::StatusOr<std::vector<Suggestion>> suggestions;

  // Waited for a worker, before it was begun and between its batches; nothing
  // if it was refused at the door.
  std::optional<absl::Duration> queue = {};
  absl::Duration compute = {};  // was worked on

  // Most sequences that any of its steps was computed together with, itself
  // included; 0 if it was never worked on.
  int batch = 0;
};

struct Job {
  // The network of the model that answers. Points into the model's handle
  // (std::shared_ptr's aliasing constructor), so that the whole model lives as
  // long as the job.
  std::shared_ptr<const LanguageModel> network;

  // Of the same model.
  const Tokenizer* tokenizer = nullptr;

  // Left of the cursor. A worker cuts it into tokens: that is work too.
  std::string text;

  CompletionOptions options = {};

  // Past it the job is dropped, not computed.
  absl::Time deadline = absl::InfiniteFuture();

  // Set by whoever waits for the answer when it is no longer wanted. Null:
  // never cancelled.
  std::shared_ptr<const std::atomic<bool>> cancelled = {};

  // Called exactly once. Must not block: a worker calls it.
  absl::AnyInvocable<void(JobResult)&&> done = {};

  // Filled in by the engine.
  int64_t tokens = 0;           // work that is left (admission.h)
  int64_t due = 0;              // StepScheduler::DueAfter
  absl::Time accepted_at = {};  // when it came into the queue

  bool is_cancelled() const {
    return cancelled != nullptr && cancelled->load(std::memory_order_relaxed);
  }
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_JOB_H_
