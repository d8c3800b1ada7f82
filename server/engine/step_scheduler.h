// SPDX-License-Identifier: Apache-2.0
//
// Decides what each worker computes next, and together with what: step-level
// batching ("cellular batching", Gao et al. 2018). Sequences join and leave at
// every step; nobody waits for a batch to fill.
//
// A pure policy: it owns no thread, no lock, no clock and no memory of states.
//
// A batch is computed to its end, so batches are short: a few milliseconds at
// most until the next look at who has come meanwhile. Those of whole texts are
// longer (max_text_cells, or one text), and longer still where they are alone.
//
// Order. What is due first is computed first, time being counted in tokens that
// were computed. A sequence is due when it would be done if it had half of the
// share that it has with all treated alike. So a short text goes before the
// long ones that were there, and a long one waits for no end of short ones; the
// half keeps long ones behind that are all about to end. Where there is nothing
// but whole texts of bulk, those go first whose batch is fullest, for one of
// many rows costs little more than one of few.
//
// Together. An output over a vocabulary reads far more weights than a step, for
// one row as for many. So with one of them go those of all workers, and one
// that is not due yet lets steps go first that lead others to the same one:
// that of a short text the last ones, that of a long text any, for a while.
//
// Long texts. Those that are due first go on together, to their end: if all
// went on at once, each would be moved for every step, and all would be late.
//
// Place. A sequence stays with its worker, so that those that came together go
// on together: shared out anew at every step they would end up in batches of a
// few. A worker that has none takes half of another's, and one that computes an
// output for all goes on with those that have asked for it.

#ifndef CAROUSEL_SERVER_ENGINE_STEP_SCHEDULER_H_
#define CAROUSEL_SERVER_ENGINE_STEP_SCHEDULER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/engine/admission.h"

namespace carousel {

struct StepSchedulerOptions {
  int max_rows = 64;           // sequences of a batch
  int max_steps = 8;           // tokens of one of them
  int max_cells = 64;          // rows x steps, where there are several steps
  int max_output_cells = 128;  // of outputs the cells of all
  int max_text_cells = 512;    // the same of whole texts, beside others
  int max_bulk_cells = 8192;   // ... and where nothing else is there

  // Sequences of a batch of long texts, which keeps them together to their end.
  // Enough to keep the kernels busy.
  int long_rows = 16;

  // Tokens computed until which the output of a long text waits for others that
  // will join it.
  int64_t output_patience = 1024;

  // Of bulk: tokens computed by which a text may be late so that batches are
  // full.
  int64_t bulk_patience = int64_t{1} << 18;
};

// A sequence that waits to be worked on.
struct ReadySequence {
  int64_t id = 0;

  // Sequences are batched with those of the same group: of one model.
  int64_t group = 0;

  // Tokens to be fed before an output is due; 0: the output is due.
  int pending = 0;

  // Which output, now or once the tokens are fed: only the same ones are
  // computed together.
  int64_t question = 0;

  // What its output costs, in tokens.
  int cells = kTokensOfOutput;

  // The output is that of a whole text, on whose way deadlines are looked at.
  bool whole = false;

  // Its output reads many weights, those of a vocabulary or of the words that a
  // beginning leaves: so it is computed with the same ones of all workers, and
  // waits for others while it is not due.
  bool shared = false;

  // It is one of many texts that nobody waits for one by one.
  bool bulk = false;

  // Its network takes any number of steps, not only powers of two.
  bool any_steps = false;

  // All that is left of it, in tokens; 0: what is said above.
  int64_t left = 0;

  // Tokens that were fed already.
  int64_t fed = 0;

  int64_t due = 0;    // see DueAfter
  int64_t since = 0;  // tokens computed when it was added, by the scheduler
};

struct StepBatch {
  std::vector<int64_t> ids;
  int steps = 0;  // tokens to be fed to each of them; 0: their outputs
};

// Not thread-safe.
class StepScheduler {
 public:
  // REQUIRES: workers >= 1.
  StepScheduler(int workers, const StepSchedulerOptions& options)
      : options_(options), ready_(static_cast<size_t>(workers)) {}

  // When a sequence of so much work is due that comes now, as one of `jobs`.
  int64_t DueAfter(int64_t tokens, int64_t jobs) const {
    return now_ + 2 * tokens * jobs;
  }

  // Joins those of `worker` behind the ones that are due no later. Who has been
  // in a batch and has still something to do joins again.
  void Add(size_t worker, const ReadySequence& sequence);

  // What goes first of the worker's, and all those that go with it, as far as
  // there is room; takes them out. Of another's, and at most half of them, if
  // the worker has none; of a shared output the others are everybody's. Empty
  // if nothing waits at all.
  //
  // All of a batch take the same number of steps. If the first is short and one
  // chunk is most of what it has to take, then that chunk, and with it go those
  // that have as many to take; those that have far more fill up to half of the
  // room, for the sake of those that have not. If it has one token, as many
  // sequences as possible, and as many steps as none has to stop before. Else
  // long_rows of them, or so many that the batch is full.
  //
  // `others`: somebody waits whom the scheduler does not know yet.
  StepBatch Next(size_t worker, bool others = false);

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

 private:
  using Ready = std::vector<ReadySequence>;  // by due

  // For those that go with a sequence: steps that they have to take at least,
  // how many there may be with it, and until how many those that have far more
  // to take may join.
  struct Room {
    int steps = 0;
    size_t rows = 0;
    size_t long_rows = 0;
  };

  bool IsLong(const ReadySequence& sequence) const;
  size_t FirstOf(const Ready& ready, bool others) const;
  size_t FullestOf(const Ready& ready) const;
  size_t StepsBefore(const ReadySequence& output, const Ready& ready) const;
  int MostCells(const ReadySequence& first, const Ready& ready,
                bool others) const;
  Room RoomWith(const ReadySequence& first, int most_cells) const;
  bool GoesAlong(const ReadySequence& first, int steps,
                 const ReadySequence& other) const;
  StepBatch Take(size_t most, bool others, Ready* ready);
  void AddShared(const ReadySequence& first, StepBatch* batch, int64_t* cells);

  const StepSchedulerOptions options_;
  std::vector<Ready> ready_;  // by worker
  size_t size_ = 0;
  int64_t now_ = 0;  // tokens computed
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_STEP_SCHEDULER_H_
