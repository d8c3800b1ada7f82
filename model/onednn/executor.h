// SPDX-License-Identifier: Apache-2.0
//
// What one thread needs to run oneDNN primitives: a stream, a scratchpad that
// grows to the largest primitive, and the primitives themselves by shape.
//
// oneDNN fixes a primitive's number of threads when it is created and wants a
// scratchpad per concurrent user, so both belong to the thread that computes:
// set OpenMP's thread count (omp_set_num_threads) before the first use of an
// Executor, and do not change it after.

#ifndef CAROUSEL_MODEL_ONEDNN_EXECUTOR_H_
#define CAROUSEL_MODEL_ONEDNN_EXECUTOR_H_

#include <cstddef>
#include <memory>

namespace carousel {

// One per thread. Not thread-safe. Holds at most kMaxPrimitives primitives;
// when a further one is needed all are dropped and made again on demand, so
// shapes that come from input must be bucketed by the caller.
class Executor {
 public:
  static constexpr size_t kMaxPrimitives = 512;

  Executor();
  ~Executor();
  Executor(Executor&&) noexcept;
  Executor& operator=(Executor&&) noexcept;

  // Primitives held, and bytes of scratchpad.
  size_t primitives() const;
  size_t scratchpad_bytes() const;

  // For the wrappers of this folder.
  struct Rep;
  Rep& rep() { return *rep_; }

 private:
  std::unique_ptr<Rep> rep_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_ONEDNN_EXECUTOR_H_
