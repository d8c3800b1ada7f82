// SPDX-License-Identifier: Apache-2.0
//
// A text to a text of another length (many to many): an encoder reads the
// source, a decoder writes the target. Training: translator_grad.h.
//
//   m_1 .. m_S, state = encoder stack(source_embedding[tokens])     (M)
//   decoder's state_0 = the encoder's final state, if it has the decoder's
//                       shape; else, with the top layer's final h in all
//                       directions as e:
//                       tanh(bridge.weight e + bridge.bias)
//   the rest           = decoder.h, with m as its memory
//
// With attention (Luong et al. 2015; Bahdanau et al. 2015) the decoder looks at
// the m_s in every step. Without, all that it knows of the source is its
// initial state (Sutskever, Vinyals, Le 2014); that paper reads the source in
// reverse (`reverse_input`), so that its beginning is near the target's.

#ifndef CAROUSEL_MODEL_LAYERS_TRANSLATOR_H_
#define CAROUSEL_MODEL_LAYERS_TRANSLATOR_H_

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
#include "model/layers/decoder.h"
#include "model/layers/recurrent_stack.h"
#include "model/layers/weight_specs.h"
#include "model/tensor/tensor.h"

namespace carousel {

struct TranslatorSizes {
  int source_vocabulary = 0;
  int target_vocabulary = 0;
  int embedding = 0;   // E, of both
  StackSizes encoder;  // reads `embedding` values a step
  StackSizes decoder;  // the same, in one direction
  std::optional<AttentionKind> attention;
  bool reverse_input = false;
  bool tied = false;  // output matrix and target embedding

  // One embedding, the target's, for both languages, whose vocabulary is one.
  bool shared_embedding = false;

  DecoderSizes decoder_sizes() const {
    return {.vocabulary = target_vocabulary,
            .embedding = embedding,
            .stack = decoder,
            .attention = attention,
            .memory = encoder.outputs(),
            .tied = tied};
  }

  // Whether the encoder's final state does not fit the decoder.
  bool bridges() const {
    return encoder.cell != decoder.cell || encoder.hidden != decoder.hidden ||
           encoder.layers != decoder.layers || encoder.bidirectional;
  }

  // Numbers in the decoder's state, per row.
  int64_t bridge_outputs() const {
    return int64_t{decoder.layers} * decoder.hidden *
           (HasMemory(decoder.cell) ? 2 : 1);
  }

  bool operator==(const TranslatorSizes&) const = default;
};

// The weights, with PyTorch's names and shapes, in this order:
//   source_embedding.weight (source vocabulary, E)   if not shared_embedding
//   encoder.weight_ih_l0, ...                        as StackWeightSpecs
//   bridge.weight (Z, M), bridge.bias (Z)            if bridges(); Z numbers,
//                                   h of every layer, then c of every layer
//   those of DecoderWeightSpecs
// INVALID_ARGUMENT if the sizes do not make a network.
absl::StatusOr<std::vector<WeightSpec>> WeightSpecs(
    const TranslatorSizes& sizes);

// Where each group of weights begins in that list.
struct TranslatorPlaces {
  explicit TranslatorPlaces(const TranslatorSizes& sizes);

  size_t source_embedding;  // the target's, if shared
  size_t encoder;
  size_t encoder_count;
  size_t bridge;
  size_t decoder;
};

// What the decoder starts from: one encoded source text. A plain value.
struct EncodedSource {
  RecurrentState state;    // of one row
  AttentionMemory memory;  // without steps if there is no attention
};

// Immutable, so thread-safe; each thread brings a Workspace of its own.
class Translator {
 public:
  class Workspace {
   public:
    Workspace();
    ~Workspace();
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;

    Decoder::Workspace& decoder();

   private:
    friend class Translator;
    struct Rep;
    std::unique_ptr<Rep> rep_;
  };

  // `weights` are in the order of WeightSpecs(sizes), F32 or BF16, and are
  // copied, but for the embeddings, which are read where they lie.
  // INVALID_ARGUMENT, naming the tensor, if a shape or type is not as it should
  // be; INTERNAL if oneDNN refuses.
  static absl::StatusOr<std::unique_ptr<const Translator>> Create(
      const TranslatorSizes& sizes, absl::Span<const Tensor> weights);
  ~Translator();

  const TranslatorSizes& sizes() const;
  const Decoder& decoder() const;

  // Reads the sources, those of equal lengths together. Positions of the
  // memories are those of the tokens, also where the network reads them in
  // reverse. REQUIRES: no source is empty; 0 <= token < V. INTERNAL if oneDNN
  // refuses.
  absl::StatusOr<std::vector<EncodedSource>> Encode(
      absl::Span<const std::vector<int32_t>> sources,
      Workspace* workspace) const;

  std::string Implementation() const;
  size_t memory_bytes() const;

 private:
  struct Rep;
  explicit Translator(std::unique_ptr<Rep> rep);
  const std::unique_ptr<Rep> rep_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_TRANSLATOR_H_
