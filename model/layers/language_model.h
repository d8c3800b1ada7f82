// SPDX-License-Identifier: Apache-2.0
//
// The recurrent language model as it is served: embedding, a stack of
// recurrent layers, an optional projection, and the output layer over the
// vocabulary. Training has its own forward pass beside the backward one
// (language_model_grad.h); a test holds the two together.
//
//   x_t      = embedding[token_t]                         (E)
//   h_t, c_t = stack(x_t, h_{t-1}, c_{t-1})               (H), per layer
//   y_t      = what comes out of the top layer            (H): its h_t, or
//              with residual links the sum described in recurrent_stack.h
//   p_t      = projection * y_t + projection_bias         (E)
//   logits_t = output * p_t + output_bias                 (V)
//
// Without a projection p_t is y_t and H must equal E. A tied
// model's output matrix is its embedding (Press and Wolf 2017).

#ifndef CAROUSEL_MODEL_LAYERS_LANGUAGE_MODEL_H_
#define CAROUSEL_MODEL_LAYERS_LANGUAGE_MODEL_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/adaptive_softmax.h"
#include "model/layers/output_layer.h"
#include "model/layers/recurrent_stack.h"
#include "model/layers/weight_specs.h"
#include "model/onednn/precision.h"
#include "model/tensor/tensor.h"

namespace carousel {

struct LanguageModelSizes {
  int vocabulary = 0;  // V
  int embedding = 0;   // E
  int hidden = 0;      // H
  int layers = 0;      // L
  bool projection = false;
  bool tied = true;
  Cell cell = Cell::kLstm;
  bool residual = false;

  // Of an adaptive softmax (adaptive_softmax.h) instead of the output layer
  // over the whole vocabulary, for benchmarks with large ones: where its
  // clusters begin, then zeros.
  std::array<int, 4> cutoffs = {};

  bool adaptive() const { return cutoffs != std::array<int, 4>{}; }
  AdaptiveSoftmaxSizes adaptive_softmax() const {
    AdaptiveSoftmaxSizes sizes = {.vocabulary = vocabulary,
                                  .features = embedding,
                                  .cutoffs = {cutoffs.begin(), cutoffs.end()},
                                  .tied = tied};
    while (!sizes.cutoffs.empty() && sizes.cutoffs.back() == 0) {
      sizes.cutoffs.pop_back();
    }
    return sizes;
  }

  StackSizes stack() const {
    return {.cell = cell,
            .inputs = embedding,
            .hidden = hidden,
            .layers = layers,
            .residual = residual};
  }

  bool operator==(const LanguageModelSizes&) const = default;
};

// The weights of a model of these sizes; the names are PyTorch's:
//   embedding.weight (V, E)
//   rnn.weight_ih_l0 and so on, as StackWeightSpecs("rnn.", sizes.stack())
//   projection.weight (E, H), projection.bias (E)    if `projection`
//   output.weight (V, E)                             if not `tied`
//   output.bias (V)
//   or, if `adaptive`, AdaptiveSoftmaxWeightSpecs("output."), whose names are
//   ours where it is `tied`
// Embeddings begin from U(-0.1, 0.1) (Zaremba et al. 2014), the projection from
// U(-1/sqrt(H), 1/sqrt(H)).
//
// INVALID_ARGUMENT if the sizes do not make a model (each positive and at most
// 2^24, H == E where there is no projection, cutoffs that rise and lie within
// the vocabulary).
absl::StatusOr<std::vector<WeightSpec>> WeightSpecs(
    const LanguageModelSizes& sizes);

// Numbers in all these weights. REQUIRES: WeightSpecs(sizes) is OK.
int64_t CountParameters(const LanguageModelSizes& sizes);

// How a language model is laid out for serving.
struct ServingLayout {
  // First output row of each tile (OutputLayer::Create). Empty: all are full.
  absl::Span<const int32_t> tile_begins = {};

  // Most bytes for a table of W_ih x + biases of the first layer for every
  // word, in bf16, which saves a product in every step: (V, G H). A model of
  // f32, and one whose table would be larger, has none.
  size_t max_table_bytes = 0;
};

// Immutable, so thread-safe; each thread brings a Workspace of its own.
class LanguageModel {
 public:
  // What one thread needs to run the model: activations and the scratch memory
  // of oneDNN's primitives. Grows to the largest call and is reused. One per
  // thread; may serve several models.
  class Workspace {
   public:
    Workspace();
    ~Workspace();
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;

   private:
    friend class LanguageModel;
    struct Rep;
    std::unique_ptr<Rep> rep_;
  };

  // `weights` are in the order of WeightSpecs(sizes), F32 or BF16, and are
  // copied into the layout of the kernels, but for the embedding, which is read
  // where it lies (a borrowed tensor's owner is kept alive).
  //
  // Output row r belongs to token output_order[r]; an empty order is the
  // identity. REQUIRES: output_order is empty or a permutation of [0, V).
  //
  // INVALID_ARGUMENT, naming the tensor, if a shape or type is not as it should
  // be; INTERNAL if oneDNN refuses.
  //
  // `precision`: of the recurrent layers, the projection and the output layer;
  // an adaptive softmax stays in f32. REQUIRES: the CPU has it.
  static absl::StatusOr<std::unique_ptr<const LanguageModel>> Create(
      const LanguageModelSizes& sizes, absl::Span<const Tensor> weights,
      absl::Span<const int32_t> output_order,
      Precision precision = Precision::kF32, const ServingLayout& layout = {});

  ~LanguageModel();

  const LanguageModelSizes& sizes() const;

  // The state before the first token: zeros.
  RecurrentState InitialState(int rows) const;

  // Feeds `tokens` (T, N), time-major, and moves `*state` on by T steps. If
  // `top` is not null it receives y of every step (T, N, H).
  // REQUIRES: 0 <= token < V; state->rows == N; T, N >= 1.
  absl::Status Advance(absl::Span<const int32_t> tokens, int steps, int rows,
                       RecurrentState* state, std::vector<float>* top,
                       Workspace* workspace) const;

  // Logits of the output rows [begin, end) for `rows` vectors y (N, H):
  // `logits` (N, end - begin). REQUIRES: 0 <= begin < end <= V.
  absl::Status Logits(absl::Span<const float> top, int rows, int begin, int end,
                      absl::Span<float> logits, Workspace* workspace) const;

  // What the output layer reads for `rows` vectors y (N, H): (N, E), valid
  // until the workspace is used again, and readable by other threads.
  absl::StatusOr<absl::Span<const float>> Features(absl::Span<const float> top,
                                                   int rows,
                                                   Workspace* workspace) const;

  // Output rows are computed a tile at a time; an adaptive softmax has one.
  int tiles() const;

  // Shows the logits of tiles [begin, end) as OutputLayer::Visit does, for
  // `rows` vectors that Features gave; perhaps of another thread's workspace.
  // REQUIRES: rows <= OutputLayer::kMaxRows, and one of few numbers
  // (buckets.h) where the model wants that.
  absl::Status VisitLogits(absl::Span<const float> features, int rows,
                           int begin, int end, LogitVisitor visit,
                           Workspace* workspace) const;

  // y of the step after which `state` is: (N, H).
  std::vector<float> Top(const RecurrentState& state) const;

  // Which kernels multiply, e.g. "lstm own:avx512_core, matmul
  // own:avx512_core"; those of oneDNN in its words.
  std::string Implementation() const;

  // Whether the first layer's input product is looked up (ServingLayout).
  bool has_table() const;

  // Whether each number of rows costs memory and a first time that is slow.
  bool wants_few_shapes() const;

  // Bytes held, the embedding included.
  size_t memory_bytes() const;

 private:
  struct Rep;
  explicit LanguageModel(std::unique_ptr<Rep> rep);
  const std::unique_ptr<Rep> rep_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_LANGUAGE_MODEL_H_
