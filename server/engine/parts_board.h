// SPDX-License-Identifier: Apache-2.0
//
// Where the workers of an engine offer each other parts of what they compute:
// who has nothing to do takes some. This is what makes a lone request use more
// than one CPU.

#ifndef CAROUSEL_SERVER_ENGINE_PARTS_BOARD_H_
#define CAROUSEL_SERVER_ENGINE_PARTS_BOARD_H_

#include <atomic>
#include <functional>
#include <list>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "model/base/mutex.h"
#include "server/engine/parts.h"

namespace carousel {

// Thread-safe.
class PartsBoard {
 public:
  // `threads`: that will ever take part. `wake`: called when there is something
  // to help with and a thread is idle.
  PartsBoard(int threads, std::function<void()> wake)
      : threads_(threads), wake_(std::move(wake)) {}

  // See Parts. `scratch` is the calling thread's.
  absl::Status Run(int count, RunPart run, PartScratch* scratch);

  // Takes parts of what is offered until none is left there. Returns at once if
  // nothing is offered.
  void Help(PartScratch* scratch);
  bool HasWork() const;

  // Threads that wait for something to do say so.
  void SetIdle(bool idle) { idle_ += idle ? 1 : -1; }
  int idle() const { return idle_; }
  int threads() const { return threads_; }

 private:
  struct Offer {
    RunPart run;
    const int count;
    std::atomic<int> next = 0;
    int threads = 1;  // that have taken part
    int active = 0;   // ... and have not ended, but for who offers it
    absl::Status status = {};
  };

  void RunSome(Offer* offer, int thread, PartScratch* scratch);

  const int threads_;
  const std::function<void()> wake_;
  std::atomic<int> idle_ = 0;

  mutable Mutex mutex_;
  CondVar ended_;
  std::list<Offer*> offers_ ABSL_GUARDED_BY(mutex_);
};

// The parts of one worker.
class SharedParts : public Parts {
 public:
  explicit SharedParts(PartsBoard* board) : board_(board) {}

  int threads() const override { return 1 + board_->idle(); }
  int most_threads() const override { return board_->threads(); }
  PartScratch* scratch() override { return &scratch_; }
  absl::Status Run(int count, RunPart run) override {
    return board_->Run(count, run, &scratch_);
  }

 private:
  PartsBoard* const board_;
  PartScratch scratch_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_PARTS_BOARD_H_
