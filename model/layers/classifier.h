// SPDX-License-Identifier: Apache-2.0
//
// A text to one of several labels (many to one), as it is served: embedding,
// recurrent stack, pooling over the steps, and a linear layer over the labels.
// Training has its own forward pass beside the backward one
// (classifier_grad.h); a test holds the two together.
//
//   x_t    = embedding[token_t]                           (E)
//   y_t    = stack(x)_t                                   (D * H)
//   p      = pooling over t of y_t                        (P), see pooling.h
//   logits = output.weight p + output.bias                (L)
//
// One to one, a plain network, is the degenerate case: texts of one token.

#ifndef CAROUSEL_MODEL_LAYERS_CLASSIFIER_H_
#define CAROUSEL_MODEL_LAYERS_CLASSIFIER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/pooling.h"
#include "model/layers/recurrent_stack.h"
#include "model/layers/weight_specs.h"
#include "model/onednn/precision.h"
#include "model/tensor/tensor.h"

namespace carousel {

struct ClassifierSizes {
  int vocabulary = 0;  // V
  int embedding = 0;   // E
  StackSizes rnn;      // reads E values a step
  PoolingKind pooling = PoolingKind::kConcat;
  int pooling_units = 0;  // attention only; 0 otherwise
  int labels = 0;         // L

  PoolingSizes pooling_sizes() const {
    return {.kind = pooling,
            .width = rnn.outputs(),
            .bidirectional = rnn.bidirectional,
            .units = pooling_units};
  }

  bool operator==(const ClassifierSizes&) const = default;
};

// The weights of a classifier of these sizes; the names are PyTorch's:
//   embedding.weight (V, E)
//   rnn.weight_ih_l0 and so on, as StackWeightSpecs("rnn.", sizes.rnn)
//   those of PoolingWeightSpecs(sizes.pooling_sizes())
//   output.weight (L, P), output.bias (L)
// INVALID_ARGUMENT if the sizes do not make a network (each in [1, 2^24], two
// labels or more, rnn.inputs == embedding).
absl::StatusOr<std::vector<WeightSpec>> WeightSpecs(
    const ClassifierSizes& sizes);

// Texts of similar lengths, right-aligned: row n's are the last lengths[n]
// steps, those before are padding (any token).
struct ClassifierTexts {
  absl::Span<const int32_t> tokens;   // (T, N), time-major
  absl::Span<const int32_t> lengths;  // (N), 1 to T

  int rows() const { return static_cast<int>(lengths.size()); }
  int steps() const { return static_cast<int>(tokens.size()) / rows(); }
};

// Immutable, so thread-safe; each thread brings a Workspace of its own.
class Classifier {
 public:
  // Activations and the scratch memory of oneDNN's primitives. Grows to the
  // largest call and is reused. One per thread; may serve several models.
  class Workspace {
   public:
    Workspace();
    ~Workspace();
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;

   private:
    friend class Classifier;
    struct Rep;
    std::unique_ptr<Rep> rep_;
  };

  // `weights` are in the order of WeightSpecs(sizes), F32 or BF16, and are
  // copied into the layout of the kernels, but for the embedding, which is read
  // where it lies (a borrowed tensor's owner is kept alive). The stack runs in
  // the precision, pooling and output in f32. INVALID_ARGUMENT, naming the
  // tensor, if a shape or type is not as it should be; INTERNAL if oneDNN
  // refuses. REQUIRES: the CPU has the precision.
  static absl::StatusOr<std::unique_ptr<const Classifier>> Create(
      const ClassifierSizes& sizes, absl::Span<const Tensor> weights,
      Precision precision = Precision::kF32);
  ~Classifier();

  const ClassifierSizes& sizes() const;

  // log P(label | text): `log_probabilities` (N, L). Primitives are made for
  // each (T, N), so callers use few different ones. REQUIRES: at least one
  // text; 0 <= token < V.
  //
  // `look` is asked every few steps; its error ends the computation and is
  // returned.
  absl::Status LogProbabilities(const ClassifierTexts& texts,
                                absl::Span<float> log_probabilities,
                                absl::FunctionRef<absl::Status()> look,
                                Workspace* workspace) const;
  absl::Status LogProbabilities(const ClassifierTexts& texts,
                                absl::Span<float> log_probabilities,
                                Workspace* workspace) const {
    return LogProbabilities(
        texts, log_probabilities, [] { return absl::OkStatus(); }, workspace);
  }

  // log P(label | the first t steps) of one text for every t from 0 on:
  // `log_probabilities` (T + 1, L). Having read nothing, the network says what
  // its output layer's bias does. REQUIRES: one direction; `tokens` (T) is not
  // empty; 0 <= token < V. `look` as above.
  absl::Status BeginningLogProbabilities(absl::Span<const int32_t> tokens,
                                         absl::Span<float> log_probabilities,
                                         absl::FunctionRef<absl::Status()> look,
                                         Workspace* workspace) const;

  // Which kernels multiply.
  std::string Implementation() const;

  // Bytes held, the embedding included.
  size_t memory_bytes() const;

 private:
  struct Rep;
  explicit Classifier(std::unique_ptr<Rep> rep);
  absl::Status RunStack(const ClassifierTexts& texts,
                        absl::FunctionRef<absl::Status()> look,
                        Workspace* workspace) const;
  absl::Status Head(int rows, absl::Span<float> log_probabilities,
                    Workspace* workspace) const;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_CLASSIFIER_H_
