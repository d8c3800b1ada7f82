// SPDX-License-Identifier: Apache-2.0

#include "server/engine/step_scheduler.h"

#include <algorithm>

namespace carousel {
namespace {

bool GoTogether(const ReadySequence& a, const ReadySequence& b) {
  if (a.group != b.group || (a.pending == 0) != (b.pending == 0)) return false;
  return a.pending > 0 || a.question == b.question;
}

}  // namespace

void StepScheduler::Add(const ReadySequence& sequence) {
  ready_.push_back(sequence);
}

StepBatch StepScheduler::Next() {
  if (ready_.empty()) return {};
  const ReadySequence first = ready_.front();
  StepBatch batch;
  int least_pending = first.pending;
  std::deque<ReadySequence> others;
  for (const ReadySequence& sequence : ready_) {
    if (static_cast<int>(batch.ids.size()) < options_.max_rows &&
        GoTogether(first, sequence)) {
      batch.ids.push_back(sequence.id);
      least_pending = std::min(least_pending, sequence.pending);
    } else {
      others.push_back(sequence);
    }
  }
  ready_.swap(others);
  batch.steps = StepsOf(static_cast<int>(batch.ids.size()), least_pending);
  return batch;
}

int StepScheduler::StepsOf(int rows, int least_pending) const {
  int steps = least_pending == 0 ? 0 : 1;
  while (steps > 0 && 2 * steps <= least_pending &&
         2 * steps <= options_.max_steps &&
         2 * steps * rows <= options_.max_cells) {
    steps *= 2;
  }
  return steps;
}

}  // namespace carousel
