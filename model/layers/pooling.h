// SPDX-License-Identifier: Apache-2.0
//
// Pooling: the states of a recurrent stack at every step become one vector of
// fixed size, for tasks that give one answer for a whole text. For a row's real
// states h_t, t = f .. T-1 (texts are right-aligned; steps before f are
// padding):
//
//   last       h_{T-1}; of a stack of two directions, the half that reads from
//              right to left gives its state at f, where it has read all
//   max_mean   max over t of h_t, and mean over t of h_t, one after the other
//   concat     last, max, mean: "concat pooling" (Howard and Ruder 2018, 3.3)
//   attention  score_t = v . tanh(W h_t + b); a = softmax(score);
//              sum over t of a_t h_t: v is a learned query (Yang et al. 2016,
//              2.2)
//
// A row without steps (f = T) gives zeros. Here is the version that serves;
// pooling_grad.h trains, and a test holds the two together.

#ifndef CAROUSEL_MODEL_LAYERS_POOLING_H_
#define CAROUSEL_MODEL_LAYERS_POOLING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/layers/weight_specs.h"
#include "model/onednn/executor.h"
#include "model/onednn/matmul.h"
#include "model/tensor/tensor.h"

namespace carousel {

enum class PoolingKind { kLast, kMaxMean, kConcat, kAttention };

// "last", "max_mean", "concat", "attention".
absl::string_view PoolingKindName(PoolingKind kind);

struct PoolingSizes {
  PoolingKind kind = PoolingKind::kConcat;
  int width = 0;               // W: of the stack's output
  bool bidirectional = false;  // the second half of W reads right to left
  int units = 0;               // A: attention only

  bool operator==(const PoolingSizes&) const = default;
};

// P, the width of what comes out: W, 2W, 3W, W.
int PooledWidth(const PoolingSizes& sizes);

// The weights; none but for attention, whose W, b and v they are:
//   pooling.projection.weight (A, W), pooling.projection.bias (A),
//   pooling.score.weight (1, A)
// Matrices begin as PyTorch's do (LinearWeight), the bias from 0.
// INVALID_ARGUMENT if a size is not positive, or W odd with two directions.
absl::StatusOr<std::vector<WeightSpec>> PoolingWeightSpecs(
    const PoolingSizes& sizes);

// A batch of states (T, N, W) and where its rows begin (N).
struct PoolingInput {
  const float* states = nullptr;    // (T, N, W), time-major
  int64_t steps = 0;                // T
  absl::Span<const int32_t> first;  // (N): f, from 0 to T
};

// What needs no weights, for training: writes the parts of row `n` one after
// the other to `out` (P). `places` (W) receives for each element the step of
// its maximum. REQUIRES: not attention.
void PoolRow(const PoolingSizes& sizes, const PoolingInput& input, int64_t n,
             float* out, int32_t* places);

// Immutable, so thread-safe; each thread brings its own Executor. All calls are
// INTERNAL if oneDNN refuses.
class Pooling {
 public:
  // `weights` are in the order of PoolingWeightSpecs(sizes), F32 or BF16, and
  // are copied. REQUIRES: the sizes are good and the shapes are theirs.
  static absl::StatusOr<std::unique_ptr<const Pooling>> Create(
      const PoolingSizes& sizes, absl::Span<const Tensor> weights);

  // Writes `out` (N, P). With `alignments`, attention's weights a (N, T), zeros
  // over padding; left as it is by the other kinds.
  absl::Status Run(const PoolingInput& input, float* out,
                   std::vector<float>* alignments, Executor* executor) const;

  // What Run gives, but for rounding, for each beginning of one text: `states`
  // (T, W) to `out` (T, P), row t for the first t + 1 steps. REQUIRES: one
  // direction, for what a second one reads is no beginning.
  absl::Status RunBeginnings(const float* states, int64_t steps, float* out,
                             Executor* executor) const;

  size_t memory_bytes() const;

 private:
  explicit Pooling(const PoolingSizes& sizes) : sizes_(sizes) {}
  void MaxAndMean(const PoolingInput& input, float* out) const;
  absl::StatusOr<std::vector<float>> Scores(const float* states, int64_t cells,
                                            Executor* executor) const;
  absl::Status AttendBeginnings(const float* states, int64_t steps, float* out,
                                Executor* executor) const;
  absl::Status Attend(const PoolingInput& input, float* out,
                      std::vector<float>* alignments, Executor* executor) const;

  const PoolingSizes sizes_;
  std::unique_ptr<const PackedMatrix> projection_;  // W^T (W, A)
  std::vector<float> bias_;                         // b (A)
  std::vector<float> score_;                        // v (A)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_POOLING_H_
