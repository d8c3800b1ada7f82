// SPDX-License-Identifier: Apache-2.0
//
// The layer over the vocabulary: logits_r = output_r * p + bias_r. Its rows lie
// in tiles, each packed for oneDNN by itself, so that a range of rows costs
// only the tiles that it touches.

#ifndef CAROUSEL_MODEL_LAYERS_OUTPUT_LAYER_H_
#define CAROUSEL_MODEL_LAYERS_OUTPUT_LAYER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/served_matrix.h"
#include "model/onednn/precision.h"
#include "model/tensor/tensor.h"

namespace carousel {

// What one thread needs to run output layers.
struct OutputLayerScratch {
  ServedRows features;
  std::vector<float> tile;
};

// Immutable, so thread-safe; each thread brings its own scratch.
class OutputLayer {
 public:
  // Rows of a tile: small enough for a short prefix to skip most of a
  // vocabulary, large enough to keep the kernel busy.
  static constexpr int kTileRows = 256;

  // The most vectors of one product; more are done in turn.
  static constexpr int kMaxRows = 64;

  // `weight` (V, E), F32 or BF16, and `bias` (V), F32 or BF16. Row r is row
  // order[r] of both; an empty order is the identity.
  // REQUIRES: the CPU has the precision.
  static absl::StatusOr<std::unique_ptr<const OutputLayer>> Create(
      const Tensor& weight, const Tensor& bias, absl::Span<const int32_t> order,
      Precision precision = Precision::kF32);

  // logits (rows, end - begin) of the output rows [begin, end) for
  // `features` (rows, E). REQUIRES: 0 <= begin < end <= V.
  absl::Status Logits(const float* features, int rows, int begin, int end,
                      float* logits, OutputLayerScratch* scratch,
                      ServedScratch* products) const;

  size_t memory_bytes() const;
  const std::string& implementation() const;

 private:
  OutputLayer() = default;
  absl::Status LogitsOfFewRows(int begin, int end, float* logits,
                               OutputLayerScratch* scratch,
                               ServedScratch* products) const;

  int64_t embedding_ = 0;
  std::vector<std::unique_ptr<const ServedMatrix>> tiles_;
  std::vector<float> bias_;  // in the order of the rows
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_OUTPUT_LAYER_H_
