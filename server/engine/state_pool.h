// SPDX-License-Identifier: Apache-2.0
//
// Memory for the states (h and c of every layer) of the sequences of one model:
// rows that are taken, moved on by steps together with any other rows, and
// given back.

#ifndef CAROUSEL_SERVER_ENGINE_STATE_POOL_H_
#define CAROUSEL_SERVER_ENGINE_STATE_POOL_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "model/base/mutex.h"
#include "model/layers/recurrent_stack.h"

namespace carousel {

// Thread-safe; a row's values belong to whoever has taken it. Memory grows with
// the most rows that were ever taken at once and is not given back before the
// pool ends.
class StatePool {
 public:
  explicit StatePool(const StackSizes& sizes);

  StatePool(const StatePool&) = delete;
  StatePool& operator=(const StatePool&) = delete;

  // A row that its owner gives back by letting go of it. The pool must outlive
  // it. A plain handle: may be moved to another thread.
  class Row {
   public:
    Row() = default;
    Row(Row&& other) noexcept;
    Row& operator=(Row&& other) noexcept;
    ~Row();

    bool empty() const { return data_ == nullptr; }

    // (floats()): h of every layer, then c of every layer. REQUIRES: !empty().
    absl::Span<float> values() const;

   private:
    friend class StatePool;
    Row(StatePool* pool, float* data) : pool_(pool), data_(data) {}
    StatePool* pool_ = nullptr;
    float* data_ = nullptr;
  };

  // A row of zeros, whatever was in its memory before.
  Row Take();

  // Numbers in a row.
  size_t floats() const { return floats_; }

  // The states of several rows, side by side, for a step; and back. `state` has
  // at least as many rows as there are in `rows`; those beyond them become
  // zeros, and are not read back.
  void Gather(absl::Span<const Row* const> rows, RecurrentState* state) const;
  void Scatter(const RecurrentState& state,
               absl::Span<const Row* const> rows) const;

  size_t rows_taken() const;
  size_t memory_bytes() const;

 private:
  // Rows are made so many at a time.
  static constexpr size_t kRowsOfBlock = 64;

  void GiveBack(float* data);

  const StackSizes sizes_;
  const size_t floats_;

  mutable Mutex mutex_;
  std::vector<std::unique_ptr<float[]>> blocks_ ABSL_GUARDED_BY(mutex_);
  std::vector<float*> free_ ABSL_GUARDED_BY(mutex_);
  size_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_STATE_POOL_H_
