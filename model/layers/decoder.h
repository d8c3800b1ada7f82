// SPDX-License-Identifier: Apache-2.0
//
// The decoder as it is served: a recurrent language model that writes a text
// about something it is given (one to many). What it is given is its initial
// state, a vector, and, with attention, a memory that it looks at in every
// step. Training: decoder_grad.h.
//
//   x_t      = target_embedding[token_t]                        (E)
//   h_t, .   = decoder stack(x_t, state_{t-1})                  (H)
//   c_t      = attention of h_t to the memory                   (M)
//   f_t      = tanh(combine [c_t; h_t])                         (F)
//   logits_t = output f_t + output.bias                         (V)
//
// f_t is the attentional state of Luong et al. 2015; it is not fed back to the
// next step, so that training computes all steps at once. Without attention
// c_t is absent, and where F == H so is `combine`: f_t = h_t.

#ifndef CAROUSEL_MODEL_LAYERS_DECODER_H_
#define CAROUSEL_MODEL_LAYERS_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/attention.h"
#include "model/layers/recurrent_stack.h"
#include "model/layers/weight_specs.h"
#include "model/tensor/tensor.h"

namespace carousel {

struct DecoderSizes {
  int vocabulary = 0;  // V
  int embedding = 0;   // E
  StackSizes stack;    // one direction; H wide
  std::optional<AttentionKind> attention;
  int memory = 0;     // M; with attention
  bool tied = false;  // the output matrix is the embedding

  // F: E where the output matrix is the embedding, else H.
  int features() const { return tied ? embedding : stack.outputs(); }

  bool combines() const {
    return attention.has_value() || features() != stack.outputs();
  }

  // REQUIRES: attention.has_value().
  AttentionSizes attention_sizes() const {
    return {.kind = *attention,
            .memory = memory,
            .query = stack.outputs(),
            .units = stack.outputs()};
  }

  bool operator==(const DecoderSizes&) const = default;
};

// The weights, with PyTorch's names and shapes, in this order:
//   target_embedding.weight (V, E)
//   decoder.weight_ih_l0, ...        as StackWeightSpecs
//   attention. ...                   as AttentionWeightSpecs, if any
//   combine.weight (F, M + H)        (F, H) without attention; see above
//   output.weight (V, F)             if not `tied`
//   output.bias (V)
// INVALID_ARGUMENT if the sizes do not make a decoder.
absl::StatusOr<std::vector<WeightSpec>> DecoderWeightSpecs(
    const DecoderSizes& sizes);

// Where each group of weights begins in that list.
struct DecoderPlaces {
  explicit DecoderPlaces(const DecoderSizes& sizes);

  size_t embedding = 0;
  size_t stack = 1;
  size_t stack_count;
  size_t attention;
  size_t attention_count;
  size_t combine;
  size_t output;  // the embedding, if tied
  size_t bias;
};

// Immutable, so thread-safe; each thread brings a Workspace of its own.
class Decoder {
 public:
  class Workspace {
   public:
    Workspace();
    ~Workspace();
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;

   private:
    friend class Decoder;
    struct Rep;
    std::unique_ptr<Rep> rep_;
  };

  // `weights` are in the order of DecoderWeightSpecs(sizes), F32 or BF16, and
  // are copied, but for the embedding, which is read where it lies.
  // INVALID_ARGUMENT, naming the tensor, if a shape or type is not as it should
  // be; INTERNAL if oneDNN refuses.
  static absl::StatusOr<std::unique_ptr<const Decoder>> Create(
      const DecoderSizes& sizes, absl::Span<const Tensor> weights);
  ~Decoder();

  const DecoderSizes& sizes() const;

  // Null without attention.
  const Attention* attention() const;

  // Feeds one token to each of N rows, `*state` going on by a step, and returns
  // the logits (N, V) of the tokens after it, which lie in the workspace until
  // the next step. With attention, row n looks at
  // *memories[n], and (*alignments)[n], unless null, receives how much of it
  // each position got. REQUIRES: 0 <= token < V; state->rows == N; N memories
  // if there is attention. INTERNAL if oneDNN refuses.
  absl::StatusOr<absl::Span<const float>> Step(
      absl::Span<const int32_t> tokens,
      absl::Span<const AttentionMemory* const> memories, RecurrentState* state,
      std::vector<std::vector<float>>* alignments, Workspace* workspace) const;

  // A state whose row i is row rows[i] of `state`, or of *states[i].
  RecurrentState SelectRows(const RecurrentState& state,
                            absl::Span<const int> rows) const;
  RecurrentState JoinRows(absl::Span<const RecurrentState* const> states,
                          absl::Span<const int> rows) const;

  std::string Implementation() const;
  size_t memory_bytes() const;

 private:
  struct Rep;
  explicit Decoder(std::unique_ptr<Rep> rep);
  const std::unique_ptr<Rep> rep_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_DECODER_H_
