// SPDX-License-Identifier: Apache-2.0
//
// The adaptive softmax (Grave et al. 2017, sections 4.2 and 4.3): an output
// layer over a large vocabulary whose words stand in the order of their
// frequency, the most frequent first. The head holds the c_0 most frequent ones
// and an entry for each cluster of rarer ones; a cluster is looked at only for
// targets in it, through a projection that is narrower the rarer its words are.
//
//   head        = softmax(head.weight f)                   (c_0 + K)
//   word w < c_0:               P(w | f) = head[w]
//   word w in [c_k, c_{k+1}):   P(w | f) = head[c_0 + k] *
//       softmax(tail.k.1.weight (tail.k.0.weight f))[w - c_k]
//
// The names and shapes are those of PyTorch's AdaptiveLogSoftmaxWithLoss, with
// its div_value of 4 and no bias in the head.
//
// Tied, the rows of the words, in the head and in the clusters, are those of
// the embedding (V, E), and there are no projections (Baevski and Auli 2019,
// section 3, with a factor of 1):
//
//   head = softmax([embedding_{w < c_0}; clusters.weight] f + its biases)
//   word w in [c_k, c_{k+1}):   P(w | f) = head[c_0 + k] *
//       softmax(embedding_{[c_k, c_{k+1})} f + bias_{[c_k, c_{k+1})})[w - c_k]
//
// Here are the probabilities of all words, for evaluation;
// adaptive_softmax_grad.h trains.

#ifndef CAROUSEL_MODEL_LAYERS_ADAPTIVE_SOFTMAX_H_
#define CAROUSEL_MODEL_LAYERS_ADAPTIVE_SOFTMAX_H_

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

struct AdaptiveSoftmaxSizes {
  int vocabulary = 0;        // V
  int features = 0;          // E
  std::vector<int> cutoffs;  // c_0 < c_1 < ... < V; K of them
  bool tied = false;

  int clusters() const { return static_cast<int>(cutoffs.size()); }
  int head() const { return cutoffs[0] + clusters(); }  // rows of the head

  // Cluster k: its first word, the number of its words, and the width E_k of
  // what they are compared with, E / 4^(k+1), or E if tied.
  int ClusterBegin(int k) const { return cutoffs[static_cast<size_t>(k)]; }
  int ClusterWords(int k) const {
    return (k + 1 < clusters() ? ClusterBegin(k + 1) : vocabulary) -
           ClusterBegin(k);
  }
  int ClusterWidth(int k) const {
    return tied ? features : features >> (2 * (k + 1));
  }

  bool operator==(const AdaptiveSoftmaxSizes&) const = default;
};

// The weights, their names begun with `prefix` ("output.", or nothing):
//   head.weight (c_0 + K, E), and for each cluster k
//   tail.{k}.0.weight (E_k, E), tail.{k}.1.weight (words of k, E_k)
// or, if tied, beside the embedding:
//   bias (V), clusters.weight (K, E), clusters.bias (K)
// Matrices begin as PyTorch's do (LinearWeight), biases from zero.
// INVALID_ARGUMENT unless there are cutoffs, ascending, within the vocabulary,
// and, if not tied, the last projection has a width.
absl::StatusOr<std::vector<WeightSpec>> AdaptiveSoftmaxWeightSpecs(
    absl::string_view prefix, const AdaptiveSoftmaxSizes& sizes);

// Immutable, so thread-safe; each thread brings its own Executor. All calls are
// INTERNAL if oneDNN refuses.
class AdaptiveSoftmax {
 public:
  // `weights` are in the order of the specs, if tied after the embedding, F32
  // or BF16, and are copied.
  // REQUIRES: the sizes are good and the shapes are theirs.
  static absl::StatusOr<std::unique_ptr<const AdaptiveSoftmax>> Create(
      const AdaptiveSoftmaxSizes& sizes, absl::Span<const Tensor> weights);

  // log P of every word for `rows` (M) vectors `features` (M, E):
  // `log_probabilities` (M, V).
  absl::Status LogProbabilities(const float* features, int64_t rows,
                                float* log_probabilities,
                                Executor* executor) const;

  size_t memory_bytes() const;

 private:
  struct Cluster {
    std::unique_ptr<const PackedMatrix> projection;  // (E, E_k); tied: null
    std::unique_ptr<const PackedMatrix> words;       // (E_k, words)
  };

  explicit AdaptiveSoftmax(const AdaptiveSoftmaxSizes& sizes) : sizes_(sizes) {}

  absl::Status PackTied(absl::Span<const Tensor> weights);
  absl::Status ClusterLogits(int k, const float* features, int64_t rows,
                             float* logits, Executor* executor) const;

  const AdaptiveSoftmaxSizes sizes_;
  std::unique_ptr<const PackedMatrix> head_;  // (E, c_0 + K)
  std::vector<Cluster> tail_;                 // (K)
  std::vector<float> head_bias_;              // (c_0 + K), zeros if not tied
  std::vector<float> bias_;                   // (V), zeros if not tied
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_ADAPTIVE_SOFTMAX_H_
