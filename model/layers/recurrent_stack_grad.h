// SPDX-License-Identifier: Apache-2.0
//
// A stack of recurrent layers in training. Sizes, weights and state:
// recurrent_stack.h.
//
// Batches of whole texts of several lengths are right-aligned: each row's text
// ends in the last step, and resets[t, n] = 1 at its first. So the last step
// and the final state are every row's own, and no gradient flows into the
// padding, provided that dy is zero there. The reverse direction reads a row
// backwards from the last step to its first reset (to the beginning, if it has
// none), so a row of a bidirectional stack has at most one reset.

#ifndef CAROUSEL_MODEL_LAYERS_RECURRENT_STACK_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_RECURRENT_STACK_GRAD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/dropout.h"
#include "model/layers/recurrent_grad.h"
#include "model/layers/recurrent_stack.h"
#include "model/onednn/executor.h"
#include "model/onednn/precision.h"
#include "model/tensor/aligned_vector.h"

namespace carousel {

// Shares dropped, in [0, 1); 0 for none.
struct StackDropout {
  float input = 0;   // what the first layer reads; site 0
  float layers = 0;  // what every further one reads; sites 1 to L - 1
  float output = 0;  // what comes out; site L

  // One mask per row for all steps of a stretch (Gal and Ghahramani 2016), not
  // one for each step.
  bool variational = false;

  // Of the elements of every weight_hh, for all steps alike (DropConnect: Wan
  // et al. 2013; Merity et al. 2017); sites L + 1 to L + L * D.
  float weight_drop = 0;
};

// Sites that a stack uses, from its key's own on. Two stacks that are trained
// under one key are given sites that do not overlap.
int StackDropoutSites(const StackSizes& sizes);

// Not thread-safe; computes with the OpenMP threads of the caller.
class RecurrentStackGrad {
 public:
  // For stretches of `steps` (T) steps of `rows` (N) rows.
  // REQUIRES: CheckStackSizes(sizes) is OK; rates in [0, 1). UNIMPLEMENTED if
  // the CPU has no products in this precision; INTERNAL if oneDNN refuses.
  static absl::StatusOr<std::unique_ptr<RecurrentStackGrad>> Create(
      const StackSizes& sizes, int steps, int rows, const StackDropout& dropout,
      Precision precision);

  // Runs forward over `x` (T, N, I) from `*state`, which is moved on to the end
  // of the stretch. `weights` are in the order of StackWeightSpecs and must
  // stay as they are until Backward(); `resets` is (T, N). Masks are drawn by
  // `key`, whose site is that of the input; null: nothing is dropped.
  absl::Status Forward(absl::Span<const float* const> weights, const float* x,
                       absl::Span<const uint8_t> resets, const DropoutKey* key,
                       RecurrentState* state, Executor* executor);

  // What came out of the last Forward(), after dropout: (T, N, D * H). Not to
  // be read before a row's first step.
  const float* y() const { return activations_.back().data(); }

  // Adds to `gradients`, in the order of the weights. `dy` (T, N, D * H) is
  // dLoss/dy; `dx` (T, N, I) receives dLoss/dx, unless it is null.
  //
  // `*dstate`: in, the gradient with respect to the final state; out, with
  // respect to the initial one. Null: zeros in, and what comes out is dropped,
  // which is the truncation of back-propagation through time.
  absl::Status Backward(absl::Span<const float* const> weights,
                        absl::Span<const uint8_t> resets, const float* dy,
                        RecurrentState* dstate, float* dx,
                        absl::Span<float* const> gradients, Executor* executor);

 private:
  // One layer in one direction.
  struct Direction {
    std::unique_ptr<RecurrentTrainingLayer> layer;
    std::vector<float> mask;     // (GH, H), of weight_hh; empty: no weight drop
    std::vector<float> dropped;  // (GH, H): weight_hh under the mask
  };

  RecurrentStackGrad(const StackSizes& sizes, int steps, int rows,
                     const StackDropout& dropout);

  float DropoutRate(int k) const;
  Direction& At(int k, int d);
  CellWeights WeightsOf(absl::Span<const float* const> weights, int k, int d);

  void FindFirstSteps(absl::Span<const uint8_t> resets);
  void DrawMasks(absl::Span<const float* const> weights, DropoutKey key);
  void ApplyMask(int k, float* activation) const;
  absl::Status ForwardLayer(int k, absl::Span<const float* const> weights,
                            absl::Span<const uint8_t> resets,
                            RecurrentState* state, Executor* executor);
  absl::Status BackwardLayer(int k, absl::Span<const float* const> weights,
                             absl::Span<const uint8_t> resets,
                             RecurrentState* dstate, float* dx,
                             absl::Span<float* const> gradients,
                             Executor* executor);
  absl::Status BackwardCell(int k, int d,
                            absl::Span<const float* const> weights,
                            absl::Span<const uint8_t> resets, const float* dy,
                            RecurrentState* dstate, float* dx,
                            absl::Span<float* const> gradients,
                            Executor* executor);

  const StackSizes sizes_;
  const int64_t steps_;  // T
  const int64_t rows_;   // N
  const StackDropout dropout_;
  std::vector<Direction> cells_;  // [k * D + d]
  bool dropping_ = false;         // in the last Forward()
  std::vector<int64_t> first_;    // (N): each row's first step

  // [k] (T, N, width): what layer k reads, after dropout; [L]: what comes out.
  std::vector<AlignedVector<float>> activations_;
  // [k] (T, N, width), or (N, width) if variational; empty: no dropout.
  std::vector<std::vector<float>> masks_;
  // [k] as activations_, each row backwards; empty if not bidirectional.
  std::vector<std::vector<float>> reversed_;

  AlignedVector<float> dy_;         // (T, N, D * H)
  AlignedVector<float> dx_;         // (T, N, D * H)
  std::vector<float> dy_one_;       // (T, N, H): of one direction of two
  std::vector<float> dx_reversed_;  // (T, N, widest)
  std::vector<float> dx_turned_;    // (T, N, widest)
  std::vector<float> dweight_hh_;   // (GH, H): under weight drop
  std::vector<float> dh_;           // (N, H)
  std::vector<float> dc_;           // (N, H)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_RECURRENT_STACK_GRAD_H_
