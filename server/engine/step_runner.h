// SPDX-License-Identifier: Apache-2.0
//
// Computes batches of sequences: gathers their states, runs the network over
// all of them at once, and hands back what came out. Threads that have nothing
// else to do take some of the rows of a step, or some of the tiles of an
// output.

#ifndef CAROUSEL_SERVER_ENGINE_STEP_RUNNER_H_
#define CAROUSEL_SERVER_ENGINE_STEP_RUNNER_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/engine/parts.h"
#include "server/engine/sequence.h"

namespace carousel {

// Feeds the next `steps` tokens to each sequence. REQUIRES: each has as many
// pending; all belong to one network. INTERNAL if the network fails.
absl::Status RunSteps(absl::Span<Sequence* const> sequences, int steps,
                      Parts* parts);

// Answers the question of each sequence. REQUIRES: none has tokens pending; all
// ask the same one of one network. INTERNAL if the network fails; then none is
// answered.
absl::Status RunOutputs(absl::Span<Sequence* const> sequences, Parts* parts);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_STEP_RUNNER_H_
