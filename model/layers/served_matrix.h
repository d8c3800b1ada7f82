// SPDX-License-Identifier: Apache-2.0
//
// The products of serving in f32, bf16 or int8: rows of activations times a
// constant weight W (n, k), as PyTorch's Linear has it.
//
//   out (rows, n) += x (rows, k) W^T
//
// In int8 (Jacob et al. 2018, section 2) a weight is q s_j, q in [-127, 127]
// with a scale for each row j of W, and an activation (q - 128) r, q in [1,
// 255] with a scale r for each row of x, so that
//
//   out_ij += r_i s_j (sum_p q_ip q_jp - 128 sum_p q_jp)
//
// where both sums are exact. In int8 and f32 a row's result does not depend on
// the rows beside it, where our own kernels run (int8_product.h,
// f32_product.h). In bf16 it may, in the last bits: oneDNN picks a kernel by
// their number.

#ifndef CAROUSEL_MODEL_LAYERS_SERVED_MATRIX_H_
#define CAROUSEL_MODEL_LAYERS_SERVED_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/f32_matrix.h"
#include "model/layers/int8_matrix.h"
#include "model/layers/product_columns.h"
#include "model/onednn/executor.h"
#include "model/onednn/matmul.h"
#include "model/onednn/precision.h"
#include "model/tensor/aligned_vector.h"
#include "model/tensor/tensor.h"

namespace carousel {

// Activations in the form that a precision multiplies. One per thread; grows to
// the largest call and is reused.
class ServedRows {
 public:
  // x (rows, width), its rows `stride` floats apart, of values of any size; in
  // kInt8 a row's scale is its largest magnitude / 127. In kF32 `x` must stay.
  void Set(Precision precision, const float* x, int64_t rows, int64_t width,
           int64_t stride);
  void Set(Precision precision, const float* x, int64_t rows, int64_t width) {
    Set(precision, x, rows, width, width);
  }

  // The same for values in [-1, 1], as the h of all cells but ReLU's are: in
  // kInt8 every scale is 1 / 127.
  void SetUnit(Precision precision, const float* x, int64_t rows, int64_t width,
               int64_t stride);

  int64_t rows() const { return rows_; }

 private:
  friend class ServedMatrix;
  void Prepare(Precision precision, const float* x, int64_t rows, int64_t width,
               int64_t stride);

  int64_t rows_ = 0;
  int64_t width_ = 0;
  const float* f32_ = nullptr;  // x, or a copy
  int64_t stride_ = 0;          // of f32_
  AlignedVector<float> spread_;
  std::vector<BFloat16> bf16_;
  Int8Rows int8_;
};

// What one thread needs to run products.
struct ServedScratch {
  Executor executor;
  AlignedVector<float> values;  // (rows, n)
};

// A matrix (tiles * n, k) of which a product may take some of the tiles only.
struct TiledSizes {
  int64_t n = 0;  // rows of a tile
  int64_t k = 0;
  int64_t tiles = 1;
};

// Immutable, so thread-safe; each thread brings its own rows and scratch.
// Products are our own in int8 and f32, and split by the OpenMP threads of the
// caller; in bf16, and on a CPU for which there is no kernel, oneDNN's. It
// makes a primitive for every number of rows of x: it is for the caller to keep
// them few (RowsTogether, buckets.h).
class ServedMatrix {
 public:
  // `weight` (n, k), F32 or BF16, is copied: one tile. REQUIRES: the CPU has
  // the precision (SupportsBF16, SupportsInt8). INTERNAL if oneDNN refuses.
  static absl::StatusOr<std::unique_ptr<const ServedMatrix>> Create(
      const Tensor& weight, Precision precision);

  // The same of several tiles. `fill` writes the values of one, (n, k).
  // REQUIRES: n is a multiple of kF32Rows if there are several.
  static absl::StatusOr<std::unique_ptr<const ServedMatrix>> CreateTiles(
      const TiledSizes& sizes, Precision precision,
      absl::FunctionRef<void(int64_t tile, absl::Span<float> values)> fill);

  // out += x W^T; `out` has rows `n` apart. `backwards`: see product_columns.h.
  // REQUIRES: one tile; x was set in the matrix's precision and is k wide.
  absl::Status MultiplyAdd(const ServedRows& x, float* out,
                           ServedScratch* scratch,
                           bool backwards = false) const;

  // out = bias + x W^T of the tiles of `run`; `bias` and the rows of `out` are
  // run.count * n wide. REQUIRES: run.count is at most longest_run(), and a
  // power of two if the matrix wants few shapes; of x as above.
  absl::Status Multiply(const ServedRows& x, TileRun run, const float* bias,
                        float* out, ServedScratch* scratch) const;

  // The same, shown row by row while they are in the cache.
  absl::Status VisitRows(
      const ServedRows& x, TileRun run, const float* bias,
      absl::FunctionRef<void(int64_t row, const float* values)> visit,
      ServedScratch* scratch) const;

  // How many of so many rows are to be multiplied at once, at most `most`,
  // which is a power of two: where every number costs a primitive one of few.
  int64_t RowsTogether(int64_t rows, int64_t most) const;

  // Whether that is so, and rows are better filled up to one of the few.
  bool wants_few_shapes() const { return packed_ != nullptr; }

  int64_t n() const { return sizes_.n; }  // of a tile
  int64_t k() const { return sizes_.k; }
  int64_t tiles() const { return sizes_.tiles; }
  int64_t longest_run() const;
  Precision precision() const { return precision_; }
  size_t memory_bytes() const;

  // The name of the kernel that runs, ours or oneDNN's.
  std::string implementation() const;

 private:
  ServedMatrix(const TiledSizes& sizes, Precision precision)
      : sizes_(sizes), precision_(precision) {}
  absl::Status Pack(absl::FunctionRef<void(int64_t, absl::Span<float>)> fill);
  template <typename Matrix>
  std::unique_ptr<const Matrix> Fill(
      absl::FunctionRef<void(int64_t, absl::Span<float>)> fill) const;
  void MultiplyOwn(const ServedRows& x, const ProductColumns& columns) const;

  // out += x W^T by oneDNN.
  absl::Status AddPacked(const ServedRows& x, TileRun run, float* out,
                         ServedScratch* scratch) const;

  const TiledSizes sizes_;
  const Precision precision_;
  // One of them.
  std::unique_ptr<const PackedMatrix> packed_;
  std::unique_ptr<const F32Matrix> f32_;
  std::unique_ptr<const Int8Matrix> int8_;
};

// MultiplyAdd for any number of rows x (rows, k) of any size, in pieces of few
// numbers of rows.
absl::Status MultiplyAddRows(const ServedMatrix& matrix, const float* x,
                             int64_t rows, float* out, ServedRows* activations,
                             ServedScratch* scratch);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_SERVED_MATRIX_H_
