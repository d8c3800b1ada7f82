// SPDX-License-Identifier: Apache-2.0
//
// The most memory that a server will take, known before it takes it.

#ifndef CAROUSEL_SERVER_APP_MEMORY_PLAN_H_
#define CAROUSEL_SERVER_APP_MEMORY_PLAN_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/bundle/model.h"
#include "server/app/config.h"

namespace carousel {

// What counts of a loaded model.
struct ModelMemory {
  int64_t bytes = 0;  // of weights and their packed copies
  StackSizes stack = {};
  bool completes = false;  // has states, and a cache of them
  int longest_text = 0;    // tokens, of one that reads texts as a whole; else 0
  int window = 0;          // steps, of one that reads series; else 0
  std::optional<TranslatorSizes> translator = {};  // of one that translates
};

// In bytes.
struct MemoryPlan {
  int64_t process = 0;  // resident before models were loaded
  int64_t models = 0;
  int64_t states = 0;   // of the sequences that are computed at a time
  int64_t caches = 0;   // of prefixes
  int64_t scratch = 0;  // activations of the workers

  int64_t total() const { return process + models + states + caches + scratch; }
};

MemoryPlan PlanMemory(const ServerConfig& config, int workers,
                      int64_t process_bytes,
                      absl::Span<const ModelMemory> models);

// FAILED_PRECONDITION, with the parts, if the plan exceeds the limit of the
// configuration.
absl::Status CheckMemory(const ServerConfig& config, const MemoryPlan& plan);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_APP_MEMORY_PLAN_H_
