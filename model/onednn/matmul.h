// SPDX-License-Identifier: Apache-2.0
//
// Matrix products through oneDNN's matmul primitive: of f32, of bfloat16 with
// sums in f32, or of 8-bit integers with sums in int32.

#ifndef CAROUSEL_MODEL_ONEDNN_MATMUL_H_
#define CAROUSEL_MODEL_ONEDNN_MATMUL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/onednn/executor.h"
#include "model/onednn/precision.h"
#include "model/tensor/tensor.h"

namespace carousel {

// Whether this CPU has instructions for products of bfloat16 (AVX512_BF16).
// Elsewhere the products below are slow or refused, and f32 is better.
bool SupportsBF16();

// Whether it has vectors of 16 floats (AVX-512 F, BW, DQ, VL), or of 8 (AVX2),
// and fused multiply-add.
bool SupportsAvx512();
bool SupportsAvx2();

// Whether it has instructions for exact sums of products of 8-bit integers
// (VNNI). Elsewhere they saturate, or are slower than f32.
bool SupportsInt8();

// Whether it has those for tiles of them (AMX), and the kernel lets this
// process use the registers, for which it asks. Thread-safe.
bool SupportsInt8Tiles();

// A row-major matrix in somebody else's memory, perhaps read transposed.
template <typename T>
struct BasicMatrixView {
  const T* data = nullptr;
  int64_t row_stride = 0;  // elements from a stored row to the next
  bool transposed = false;
};
using MatrixView = BasicMatrixView<float>;
using MatrixViewBF16 = BasicMatrixView<BFloat16>;
using MatrixViewInt8 = BasicMatrixView<int8_t>;

// C = A B, or C += A B if `accumulate`: A is (m, k), B is (k, n), and C is
// (m, n) with rows `c_row_stride` apart. `bias` (n), unless null, is added to
// every row.
template <typename T>
struct BasicMatmulArgs {
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  BasicMatrixView<T> a;
  BasicMatrixView<T> b;
  const float* bias = nullptr;
  float* c = nullptr;
  int64_t c_row_stride = 0;
  bool accumulate = false;
};
using MatmulArgs = BasicMatmulArgs<float>;
using MatmulArgsBF16 = BasicMatmulArgs<BFloat16>;

// INTERNAL if oneDNN refuses.
absl::Status Matmul(const MatmulArgs& args, Executor* executor);
absl::Status MatmulBF16(const MatmulArgsBF16& args, Executor* executor);

// Neighbouring tiles of a PackedMatrix.
struct TileRun {
  int64_t first = 0;
  int64_t count = 1;
};

// A constant right-hand side B (k, tiles * n) in the layout that oneDNN's
// kernel likes best, so that it is reordered once and not in every product.
// Its columns are packed n at a time: a product is of one tile, or of a run of
// them, which costs less than one by one. Multiply() is thread-safe; Pack() is
// not. All are INTERNAL if oneDNN refuses, as it does kBF16 where the CPU has
// nothing for it. REQUIRES: not kInt8, or SupportsInt8().
class PackedMatrix {
 public:
  static absl::StatusOr<std::unique_ptr<PackedMatrix>> Create(
      int64_t k, int64_t n, Precision precision = Precision::kF32,
      int64_t tiles = 1);
  ~PackedMatrix();

  // Replaces the values of a tile. `b` is (k, n) after transposition, if any.
  // REQUIRES: of the type that the precision has for weights; kBF16 takes f32
  // and rounds it.
  absl::Status Pack(const MatrixView& b, Executor* executor, int64_t tile = 0);
  absl::Status Pack(const MatrixViewInt8& b, Executor* executor,
                    int64_t tile = 0);

  // C = A B [+ C] for the columns of `run`, C (m, run.count * n) with rows
  // `c_row_stride` apart; A (m, k) has rows `a_row_stride` apart.
  // REQUIRES: the precision is A's; run.count is 1, or a power of two that is
  // at most longest_run().
  absl::Status Multiply(int64_t m, const float* a, int64_t a_row_stride,
                        float* c, int64_t c_row_stride, bool accumulate,
                        Executor* executor, TileRun run = {}) const;
  absl::Status Multiply(int64_t m, const BFloat16* a, int64_t a_row_stride,
                        float* c, int64_t c_row_stride, bool accumulate,
                        Executor* executor, TileRun run = {}) const;
  absl::Status Multiply(int64_t m, const uint8_t* a, int64_t a_row_stride,
                        int32_t* c, int64_t c_row_stride, Executor* executor,
                        TileRun run = {}) const;

  int64_t k() const { return k_; }
  int64_t n() const { return n_; }  // of a tile
  int64_t tiles() const { return tiles_; }

  // Tiles that one product may be of. 1 where the kernel's layout of several
  // is not that of one behind the other.
  int64_t longest_run() const { return longest_run_; }
  Precision precision() const { return precision_; }
  size_t memory_bytes() const;

  // oneDNN's name of the kernel that runs, e.g. "brg:avx512_core".
  const std::string& implementation() const { return implementation_; }

 private:
  struct Rep;
  PackedMatrix(int64_t k, int64_t n, Precision precision, int64_t tiles,
               std::unique_ptr<Rep> rep);
  absl::Status PackAny(const void* b, bool transposed, int64_t row_stride,
                       int64_t tile, Executor* executor);
  absl::Status MultiplyAny(int64_t m, const void* a, int64_t a_row_stride,
                           void* c, int64_t c_row_stride, bool accumulate,
                           TileRun run, Executor* executor) const;
  const int64_t k_;
  const int64_t n_;
  const Precision precision_;
  const int64_t tiles_;
  int64_t longest_run_ = 1;
  std::string implementation_;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_ONEDNN_MATMUL_H_
