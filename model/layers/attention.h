// SPDX-License-Identifier: Apache-2.0
//
// Attention: a decoder's state asks which of the encoder's outputs matter now,
// and gets their weighted mean, the context. For the encoder's outputs m_s of
// a source text and a decoder state q:
//
//   dot       score_s = q . m_s               (Luong et al. 2015, section 3.1)
//   general   score_s = q . (W m_s)           (the same)
//   additive  score_s = v . tanh(W q + U m_s) (Bahdanau et al. 2015, A.1.2)
//   a = softmax(score);  context = sum over s of a_s m_s
//
// The a_s show which source words a target word was made from. Here is the
// version that serves, one decoder step for several rows; attention_grad.h
// trains, and a test holds the two together.

#ifndef CAROUSEL_MODEL_LAYERS_ATTENTION_H_
#define CAROUSEL_MODEL_LAYERS_ATTENTION_H_

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

enum class AttentionKind { kDot, kGeneral, kAdditive };

// "dot", "general", "additive".
absl::string_view AttentionKindName(AttentionKind kind);

struct AttentionSizes {
  AttentionKind kind = AttentionKind::kGeneral;
  int memory = 0;  // M: width of the encoder's outputs
  int query = 0;   // Q: width of the decoder's state; M for the dot product
  int units = 0;   // A: additive only

  bool operator==(const AttentionSizes&) const = default;
};

// The weights, whose names are those of PyTorch's Linear layers:
//   general   attention.weight (Q, M)
//   additive  attention.query.weight (A, Q), attention.memory.weight (A, M),
//             attention.score.weight (1, A): W, U and v
// They begin as PyTorch's do (LinearWeight). INVALID_ARGUMENT if a size is not
// positive or Q is not M for the dot product.
absl::StatusOr<std::vector<WeightSpec>> AttentionWeightSpecs(
    const AttentionSizes& sizes);

// K, the width of what a query is compared with: M, Q or A.
int AttentionKeyWidth(const AttentionSizes& sizes);

// One source text, ready to be attended to. A plain value.
struct AttentionMemory {
  int steps = 0;              // S
  std::vector<float> values;  // (S, M): the encoder's outputs
  std::vector<float> keys;    // (S, K); empty for dot, whose keys are `values`
};

// Immutable, so thread-safe; each thread brings its own Executor. All calls are
// INTERNAL if oneDNN refuses.
//
//   ASSIGN_OR_RETURN(AttentionMemory memory,
//                    attention->Remember(outputs, steps, width, &executor));
//   each decoder step: attention->Attend({&memory}, state, context, ...)
class Attention {
 public:
  // `weights` are in the order of AttentionWeightSpecs(sizes), F32 or BF16, and
  // are copied. REQUIRES: the sizes are good and the shapes are theirs.
  static absl::StatusOr<std::unique_ptr<const Attention>> Create(
      const AttentionSizes& sizes, absl::Span<const Tensor> weights);

  // The memory of a text of `steps` outputs of the encoder, each (M), `stride`
  // floats apart.
  absl::StatusOr<AttentionMemory> Remember(const float* outputs, int steps,
                                           int64_t stride,
                                           Executor* executor) const;

  // One decoder step for R rows, each with its own text; rows may share one, as
  // the hypotheses of a beam do. `queries` (R, Q), `context` (R, M). With
  // `alignments`, (*alignments)[r] receives row r's weights a (S). A text
  // without steps gives zeros.
  absl::Status Attend(absl::Span<const AttentionMemory* const> memories,
                      const float* queries, float* context,
                      std::vector<std::vector<float>>* alignments,
                      Executor* executor) const;

  size_t memory_bytes() const;

 private:
  explicit Attention(const AttentionSizes& sizes) : sizes_(sizes) {}
  void AttendRow(const AttentionMemory& memory, const float* query,
                 float* context, std::vector<float>* alignment) const;

  const AttentionSizes sizes_;
  std::unique_ptr<const PackedMatrix> to_query_;  // W^T (Q, A); additive only
  std::unique_ptr<const PackedMatrix> to_key_;    // (M, K); none for dot
  std::vector<float> score_;                      // v (A); additive only
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_ATTENTION_H_
