// SPDX-License-Identifier: Apache-2.0
//
// Attention in training, over a batch of texts: a forward pass that keeps what
// the backward pass needs, and that beside it. Equations: attention.h.
//
// The encoder's outputs are (S, N, M), time-major. Texts are right-aligned:
// row n's are the steps from first[n] on, those before are padding and get
// weight 0. A row with first[n] == S is empty: its context is zero.
//
// A decoder that attends with the states it computes anyway takes all its T
// steps at once (T products become one); one whose next state depends on the
// context (input feeding) takes them one at a time.

#ifndef CAROUSEL_MODEL_LAYERS_ATTENTION_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_ATTENTION_GRAD_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/layers/attention.h"
#include "model/onednn/executor.h"

namespace carousel {

// Decoder steps [begin, begin + count) of the T.
struct AttentionSteps {
  int64_t begin = 0;
  int64_t count = 0;
};

// Not thread-safe; computes with the OpenMP threads of the caller. `weights`
// and `gradients` are in the order of AttentionWeightSpecs.
//
//   attention.Begin(weights, memory, first, executor);
//   attention.Forward(weights, {0, T}, queries, executor);   // -> context()
//   attention.Backward(weights, {0, T}, queries, dcontext, dqueries, ...);
//   attention.End(weights, dmemory, gradients, executor);
class AttentionGrad {
 public:
  // For `steps` (T) decoder steps over `source_steps` (S) of `rows` (N) texts.
  AttentionGrad(const AttentionSizes& sizes, int64_t source_steps, int64_t rows,
                int64_t steps);

  // Takes up a batch of encoder outputs `memory` (S, N, M), which must stay as
  // they are until End(), as must the weights. `first` (N).
  absl::Status Begin(absl::Span<const float* const> weights,
                     const float* memory, absl::Span<const int32_t> first,
                     Executor* executor);

  // The context of decoder states `queries` (count, N, Q).
  absl::Status Forward(absl::Span<const float* const> weights,
                       AttentionSteps steps, const float* queries,
                       Executor* executor);

  const float* context() const { return context_.data(); }     // (T, N, M)
  const float* alignments() const { return weights_.data(); }  // (N, T, S)

  // From `dcontext` (count, N, M), dLoss/dcontext of steps that were
  // forwarded with these `queries`, writes `dqueries` (count, N, Q) and adds to
  // the gradients. Each step once, in any order.
  absl::Status Backward(absl::Span<const float* const> weights,
                        AttentionSteps steps, const float* queries,
                        const float* dcontext, float* dqueries,
                        absl::Span<float* const> gradients, Executor* executor);

  // After all Backward(): adds dLoss/dmemory to `dmemory` (S, N, M), and to the
  // gradient of the weights that made the keys.
  absl::Status End(absl::Span<const float* const> weights, float* dmemory,
                   absl::Span<float* const> gradients, Executor* executor);

 private:
  bool additive() const { return sizes_.kind == AttentionKind::kAdditive; }
  bool has_keys() const { return sizes_.kind != AttentionKind::kDot; }
  const float* keys() const { return has_keys() ? keys_.data() : memory_; }
  // U of the additive score, W of the general one.
  size_t key_weight() const { return additive() ? 1 : 0; }
  float* WeightsOf(int64_t row, int64_t step) {
    return weights_.data() + (row * steps_ + step) * source_steps_;
  }

  absl::Status Scores(absl::Span<const float* const> weights,
                      AttentionSteps steps, const float* queries,
                      Executor* executor);
  void AdditiveScores(const float* v, AttentionSteps steps);
  void SoftmaxOverRealSteps(AttentionSteps steps);
  absl::Status ContextBackward(AttentionSteps steps, const float* dcontext,
                               Executor* executor);
  absl::Status ScoresBackward(AttentionSteps steps, const float* queries,
                              float* dqueries, Executor* executor);
  absl::Status AdditiveScoresBackward(absl::Span<const float* const> weights,
                                      AttentionSteps steps,
                                      const float* queries, float* dqueries,
                                      absl::Span<float* const> gradients,
                                      Executor* executor);

  const AttentionSizes sizes_;
  const int64_t key_width_;     // K
  const int64_t source_steps_;  // S
  const int64_t rows_;          // N
  const int64_t steps_;         // T

  // The batch, from Begin() on.
  const float* memory_ = nullptr;  // (S, N, M)
  std::vector<int32_t> first_;     // (N)

  std::vector<float> keys_;      // (S, N, K); empty for dot
  std::vector<float> queries_;   // (T, N, A): W q; additive only
  std::vector<float> weights_;   // (N, T, S): a
  std::vector<float> context_;   // (T, N, M)
  std::vector<float> dmemory_;   // (S, N, M): through the context, and dot keys
  std::vector<float> dkeys_;     // (S, N, K); empty for dot
  std::vector<float> dqueries_;  // (T, N, A); additive only
  std::vector<float> dscores_;   // (N, T, S)
  std::vector<float> dv_;        // (N, A): each row's share; additive only
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_ATTENTION_GRAD_H_
