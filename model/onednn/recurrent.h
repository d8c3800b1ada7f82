// SPDX-License-Identifier: Apache-2.0
//
// One recurrent layer in one direction, forward, in f32, through oneDNN's
// recurrent primitives. Equations and weights: cell.h.

#ifndef CAROUSEL_MODEL_ONEDNN_RECURRENT_H_
#define CAROUSEL_MODEL_ONEDNN_RECURRENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/onednn/cell.h"
#include "model/onednn/executor.h"

namespace carousel {

// Immutable, so thread-safe: each thread brings its own Executor.
class RecurrentLayer {
 public:
  // Copies the weights into the layout of the kernel that will run.
  // REQUIRES: sizes as in CellWeights. INTERNAL if oneDNN has no such kernel.
  static absl::StatusOr<std::unique_ptr<const RecurrentLayer>> Create(
      Cell cell, int64_t inputs, int64_t hidden, const CellWeights& weights);
  ~RecurrentLayer();

  // The memory of one call. `h_in` and `h_out`, `c_in` and `c_out` may be the
  // same memory; `y` is apart from all of them. A cell without memory reads
  // neither `c_in` nor `c_out`.
  struct Call {
    int64_t steps = 0;            // T
    int64_t rows = 0;             // N
    const float* x = nullptr;     // (T, N, I)
    const float* h_in = nullptr;  // (N, H)
    const float* c_in = nullptr;  // (N, H)
    float* y = nullptr;           // (T, N, H): h after each step
    float* h_out = nullptr;       // (N, H)
    float* c_out = nullptr;       // (N, H)
  };

  // INTERNAL if oneDNN refuses. REQUIRES: T, N >= 1.
  absl::Status Forward(const Call& call, Executor* executor) const;

  Cell cell() const { return cell_; }
  int64_t inputs() const { return inputs_; }
  int64_t hidden() const { return hidden_; }
  size_t memory_bytes() const;

  // oneDNN's name of the kernel that runs, e.g. "brgemm:avx512_core".
  const std::string& implementation() const { return implementation_; }

 private:
  struct Rep;
  RecurrentLayer(Cell cell, int64_t inputs, int64_t hidden,
                 std::unique_ptr<Rep> rep);
  const Cell cell_;
  const int64_t inputs_;
  const int64_t hidden_;
  std::string implementation_;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_ONEDNN_RECURRENT_H_
