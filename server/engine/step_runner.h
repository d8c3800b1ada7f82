// SPDX-License-Identifier: Apache-2.0
//
// Computes batches of sequences: gathers their states, runs the network over
// all of them at once, and hands back what came out.

#ifndef CAROUSEL_SERVER_ENGINE_STEP_RUNNER_H_
#define CAROUSEL_SERVER_ENGINE_STEP_RUNNER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/layers/language_model.h"
#include "server/engine/sequence.h"

namespace carousel {

// One per worker. All sequences of a call belong to one network.
class StepRunner {
 public:
  // Feeds the next `steps` tokens to each sequence. REQUIRES: each has as many
  // pending. INTERNAL if the network fails.
  absl::Status RunSteps(absl::Span<Sequence* const> sequences, int steps);

  // Answers the question of each sequence. REQUIRES: none has tokens pending;
  // all ask about the same ranks. INTERNAL if the network fails; then none is
  // answered.
  absl::Status RunOutputs(absl::Span<Sequence* const> sequences);

 private:
  void Gather(absl::Span<Sequence* const> sequences, int rows);

  LanguageModel::Workspace workspace_;
  RecurrentState state_;
  std::vector<const StatePool::Row*> rows_;
  std::vector<int32_t> tokens_;  // (T, N)
  std::vector<float> logits_;    // (N, ranks)
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_STEP_RUNNER_H_
