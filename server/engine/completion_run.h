// SPDX-License-Identifier: Apache-2.0
//
// Drives one completion to its end on the calling thread: the part of a worker
// that knows what a completion asks and how a network answers.

#ifndef CAROUSEL_SERVER_ENGINE_COMPLETION_RUN_H_
#define CAROUSEL_SERVER_ENGINE_COMPLETION_RUN_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "model/layers/language_model.h"
#include "server/engine/job.h"

namespace carousel {

// Tokens that are fed between two looks at the deadline: few enough that a stop
// is felt within milliseconds, enough that the kernels run at full speed.
inline constexpr int kChunkTokens = 32;

// OK while somebody waits for the job; else DEADLINE_EXCEEDED or CANCELLED.
absl::Status CheckWanted(const Job& job, absl::Time now);

// The suggestions for `job`. `check` is asked before every chunk and every
// output; the first error that it gives ends the run and is returned. Tokens
// fed are added to `*tokens_fed`. INVALID_ARGUMENT as Completion::Start;
// INTERNAL if the network fails.
absl::StatusOr<std::vector<Suggestion>> RunCompletion(
    const Job& job, absl::FunctionRef<absl::Status()> check,
    LanguageModel::Workspace* workspace, int64_t* tokens_fed);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_COMPLETION_RUN_H_
