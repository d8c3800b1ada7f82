// SPDX-License-Identifier: Apache-2.0

#include "server/engine/step_scheduler.h"

#include <algorithm>

#include "model/base/check.h"

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

StepBatch StepScheduler::Next(int workers) {
  CAROUSEL_CHECK(workers >= 1);
  if (ready_.empty()) return {};
  const ReadySequence first = ready_.front();
  const auto fitting = std::count_if(
      ready_.begin(), ready_.end(),
      [&](const auto& other) { return GoTogether(first, other); });
  const auto share = static_cast<int>((fitting + workers - 1) / workers);
  const int rows = std::min(share, options_.max_rows);

  StepBatch batch;
  int least_pending = first.pending;
  std::deque<ReadySequence> others;
  for (const ReadySequence& sequence : ready_) {
    if (static_cast<int>(batch.ids.size()) < rows &&
        GoTogether(first, sequence)) {
      batch.ids.push_back(sequence.id);
      least_pending = std::min(least_pending, sequence.pending);
    } else {
      others.push_back(sequence);
    }
  }
  ready_.swap(others);
  batch.steps = StepsOf(rows, least_pending);
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
