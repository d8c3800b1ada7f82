// SPDX-License-Identifier: Apache-2.0

#include "server/engine/step_runner.h"

#include "model/base/status_macros.h"
#include "model/layers/buckets.h"

namespace carousel {

// A batch is filled up to one of a few numbers of rows, for each of which there
// is a primitive; what is computed for the empty ones goes nowhere.
void StepRunner::Gather(absl::Span<Sequence* const> sequences, int rows) {
  const Sequence& first = *sequences.front();
  const StackSizes sizes = first.job().network->sizes().stack();
  const size_t floats = StateFloats(sizes, rows);
  if (state_.rows != rows || state_.h.size() != floats ||
      state_.c.size() != (HasMemory(sizes.cell) ? floats : 0)) {
    state_ = ZeroState(sizes, rows);
  }
  rows_.clear();
  for (const Sequence* sequence : sequences) {
    rows_.push_back(&sequence->row());
  }
  first.states().pool.Gather(rows_, &state_);
}

absl::Status StepRunner::RunSteps(absl::Span<Sequence* const> sequences,
                                  int steps) {
  const int rows = SmallestBucket(static_cast<int>(sequences.size()));
  Gather(sequences, rows);
  tokens_.assign(static_cast<size_t>(steps * rows), 0);
  for (size_t n = 0; n < sequences.size(); ++n) {
    const auto tokens = sequences[n]->NextTokens(steps);
    for (size_t t = 0; t < tokens.size(); ++t) {
      tokens_[t * static_cast<size_t>(rows) + n] = tokens[t];
    }
  }
  const Sequence& first = *sequences.front();
  RETURN_IF_ERROR(first.job().network->Advance(tokens_, steps, rows, &state_,
                                               nullptr, &workspace_));
  first.states().pool.Scatter(state_, rows_);
  for (Sequence* sequence : sequences) sequence->Advance(steps);
  return absl::OkStatus();
}

absl::Status StepRunner::RunOutputs(absl::Span<Sequence* const> sequences) {
  const RankRange ranks = sequences.front()->ranks();
  const int rows = SmallestBucket(static_cast<int>(sequences.size()));
  Gather(sequences, rows);
  const LanguageModel& network = *sequences.front()->job().network;
  const auto width = static_cast<size_t>(ranks.size());
  logits_.resize(static_cast<size_t>(rows) * width);
  RETURN_IF_ERROR(network.Logits(network.Top(state_), rows, ranks.begin,
                                 ranks.end, absl::MakeSpan(logits_),
                                 &workspace_));
  for (size_t n = 0; n < sequences.size(); ++n) {
    sequences[n]->Answer(
        absl::MakeConstSpan(logits_).subspan(n * width, width));
  }
  return absl::OkStatus();
}

}  // namespace carousel
