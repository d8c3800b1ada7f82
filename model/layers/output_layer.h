// SPDX-License-Identifier: Apache-2.0
//
// The layer over the vocabulary: logits_r = output_r * p + bias_r. Its rows lie
// in tiles, so that a range of rows costs only the tiles that it touches, and
// so that the logits of all rows can be looked at while they are in the cache:
// nobody needs memory for a vocabulary of them.

#ifndef CAROUSEL_MODEL_LAYERS_OUTPUT_LAYER_H_
#define CAROUSEL_MODEL_LAYERS_OUTPUT_LAYER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
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
};

// Logits of the output rows from `begin` on, for one of several vectors.
struct LogitTile {
  int row = 0;  // which vector
  int begin = 0;
  absl::Span<const float> logits;
};
using LogitVisitor = absl::FunctionRef<void(const LogitTile&)>;

// Immutable, so thread-safe; each thread brings its own scratch.
class OutputLayer {
 public:
  // Rows of a tile: small enough for a short prefix to skip most of a
  // vocabulary, large enough to keep the kernel busy.
  static constexpr int kTileRows = 256;

  // The most vectors of one product; more are done in turn.
  static constexpr int kMaxRows = 64;

  // `weight` (V, E), F32 or BF16, and `bias` (V), F32 or BF16. Row r is row
  // order[r] of both; an empty order is the identity. `tile_begins`: the first
  // row of each tile, from 0 upwards, for those who want certain rows in one
  // tile; empty: each is full.
  // REQUIRES: the CPU has the precision; no tile has more than kTileRows.
  static absl::StatusOr<std::unique_ptr<const OutputLayer>> Create(
      const Tensor& weight, const Tensor& bias, absl::Span<const int32_t> order,
      Precision precision = Precision::kF32,
      absl::Span<const int32_t> tile_begins = {});

  int tiles() const { return static_cast<int>(begins_.size()) - 1; }

  // The tile that has this output row.
  int TileOf(int row) const;

  // Shows the logits of tiles [begin, end), each once for each of the `rows`
  // vectors `features` (rows, E); a vector's come tile by tile from the first.
  // REQUIRES: rows <= kMaxRows, and one of few numbers where the layer wants
  // that; the tiles are there.
  absl::Status Visit(const float* features, int rows, int begin, int end,
                     LogitVisitor visit, OutputLayerScratch* scratch,
                     ServedScratch* products) const;

  // logits (rows, end - begin) of the output rows [begin, end) for
  // `features` (rows, E). REQUIRES: 0 <= begin < end <= V.
  absl::Status Logits(const float* features, int rows, int begin, int end,
                      float* logits, OutputLayerScratch* scratch,
                      ServedScratch* products) const;

  // See ServedMatrix.
  bool wants_few_shapes() const { return matrix_->wants_few_shapes(); }

  size_t memory_bytes() const;
  std::string implementation() const;

 private:
  OutputLayer() = default;
  int64_t embedding_ = 0;
  std::vector<int> begins_;  // of the tiles, and the number of rows
  std::unique_ptr<const ServedMatrix> matrix_;  // kTileRows of each tile, where
                                                // zeros follow its own
  std::vector<float> bias_;                     // (tiles, kTileRows)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_OUTPUT_LAYER_H_
