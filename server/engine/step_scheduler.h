// SPDX-License-Identifier: Apache-2.0
//
// Decides what is computed next, and together with what: step-level batching
// ("cellular batching", Gao et al. 2018). Sequences join and leave at every
// step; nobody waits for a batch to fill, and a long text does not hold up a
// short one.
//
// A pure policy: it owns no thread, no lock, no clock and no memory of states.

#ifndef CAROUSEL_SERVER_ENGINE_STEP_SCHEDULER_H_
#define CAROUSEL_SERVER_ENGINE_STEP_SCHEDULER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace carousel {

struct StepSchedulerOptions {
  int max_rows = 64;   // sequences of a batch
  int max_steps = 8;   // tokens of one of them: bounds the time until the next
                       // look at deadlines
  int max_cells = 64;  // rows x steps, where there are several steps
};

// A sequence that waits to be worked on.
struct ReadySequence {
  int64_t id = 0;

  // Sequences are batched with those of the same group: of one model.
  int64_t group = 0;

  // Tokens to be fed before an output is due; 0: the output is due.
  int pending = 0;

  // Which output: only the same ones are computed together.
  int64_t question = 0;
};

struct StepBatch {
  std::vector<int64_t> ids;
  int steps = 0;  // tokens to be fed to each of them; 0: their outputs
};

// Not thread-safe.
class StepScheduler {
 public:
  explicit StepScheduler(const StepSchedulerOptions& options)
      : options_(options) {}

  // Joins behind those that are waiting. Who has been in a batch and has still
  // something to do joins again: everybody has their turn.
  void Add(const ReadySequence& sequence);

  // What the sequence that waits longest needs, for it and for all those behind
  // it that fit, and takes them out. Empty if nothing waits.
  //
  // All of a batch take the same number of steps: the largest power of two that
  // none has to stop before.
  StepBatch Next();

  bool empty() const { return ready_.empty(); }
  size_t size() const { return ready_.size(); }

 private:
  int StepsOf(int rows, int least_pending) const;

  const StepSchedulerOptions options_;
  std::deque<ReadySequence> ready_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_STEP_SCHEDULER_H_
