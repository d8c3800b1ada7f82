// SPDX-License-Identifier: Apache-2.0
//
// Int8Product by AMX: a tile of 16 rows of x, 64 bytes of each, times a tile of
// weights (64 of 16 columns) is added to a tile of 16 x 16 sums by one
// instruction (Intel Architecture Instruction Set Extensions Programming
// Reference, chapter 3).

#include <immintrin.h>

#include <cstdint>

#include "model/layers/int8_product.h"
#include "model/layers/int8_sums_avx512.h"

namespace carousel {
namespace {

constexpr int64_t kTileRows = 16;
constexpr int64_t kTileBytes = kInt8Depth * kInt8Rows;
constexpr int64_t kMostTiles = 4;  // of sums, of 64 rows
constexpr int64_t kSumsBytes = kInt8Rows * sizeof(int32_t);

// Tiles 0 to 3 hold sums, 4 and 5 rows of x, 6 weights. (Intrinsics of g++ take
// numbers only.) The last rows of x, of which there may be fewer than 16, are
// in tile 5 and their sums in tile 3.

struct alignas(64) TileConfiguration {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t bytes_of_row[16] = {};
  uint8_t rows[16] = {};
};

void Configure(int64_t last_rows) {
  TileConfiguration configuration;
  for (int tile = 0; tile < 8; ++tile) {
    configuration.bytes_of_row[tile] = 64;
    configuration.rows[tile] = kTileRows;
  }
  configuration.rows[3] = static_cast<uint8_t>(last_rows);
  configuration.rows[5] = static_cast<uint8_t>(last_rows);
  // The intrinsic of g++ 12 says of the first bytes only that they are read:
  // the others might never be written.
  __asm__ volatile("ldtilecfg %0" : : "m"(configuration));
}

struct Rows {
  int64_t begin, end;
};

// The sums of a block of columns on their way to the output. They are written
// some rows at a time, so many at each of the `steps` of depth, between the
// instructions that find those of the next block: these wait for each other and
// for memory, and leave time for it.
class Finished {
 public:
  Finished(const Int8Product& product, Rows rows, int64_t column,
           const int32_t* sums)
      : columns_(product, column),
        rows_a_step_((rows.end - rows.begin - 1) * kInt8Depth / product.depth +
                     1),
        sums_(sums),
        scale_(product.x_scales + rows.begin),
        end_(product.x_scales + rows.end),
        out_(product.out + rows.begin * product.out_stride + column),
        stride_(product.out_stride) {}

  void WriteSome() { Write(rows_a_step_); }
  void WriteAll() { Write(end_ - scale_); }

 private:
  void Write(int64_t rows) {
    for (; rows > 0 && scale_ != end_; --rows) {
      columns_.Write(_mm512_load_si512(sums_), *scale_++, out_);
      sums_ += kInt8Rows;
      out_ += stride_;
    }
  }

  const Int8Columns columns_;
  const int64_t rows_a_step_;
  const int32_t* sums_;
  const float* scale_;
  const float* const end_;
  float* out_;
  const int64_t stride_;
};

// A quarter of a step's weights.
void Prefetch(const int8_t* weights, int quarter) {
  constexpr int64_t kQuarter = kTileBytes / 4;
  const int8_t* from = weights + quarter * kQuarter;
  for (int64_t byte = 0; byte < kQuarter; byte += 64) {
    _mm_prefetch(from + byte, _MM_HINT_T0);
  }
}

// Weights of 16 columns, and of those whose turn is next.
struct Block {
  const int8_t* weights;
  const int8_t* next;
};

// The sums of a block; `x` has kTiles * 16 rows at most. A quarter of a step's
// weights is fetched two steps before they are read for each tile of rows, the
// last quarter where there is one tile; behind those of this block come those
// of the next. Between the steps, of which each is one of depth, some rows of
// `before` are written.
template <int kTiles>
void FindSums(const uint8_t* x, Block block, int64_t depth, int32_t* sums,
              Finished* before) {
  const int8_t* weights = block.weights;
  const uint8_t* last_x = x + (kTiles - 1) * kTileRows * depth;
  if constexpr (kTiles > 1) _tile_zero(0);
  if constexpr (kTiles > 2) _tile_zero(1);
  if constexpr (kTiles > 3) _tile_zero(2);
  _tile_zero(3);
  for (int64_t k = 0; k < depth; k += kInt8Depth, weights += kTileBytes) {
    const int64_t later = k + 2 * kInt8Depth - depth;
    const int8_t* fetched =
        later < 0 ? weights + 2 * kTileBytes : block.next + later * kInt8Rows;
    _tile_loadd(6, weights, kInt8Depth);
    if constexpr (kTiles > 1) {
      _tile_loadd(4, x + k, depth);
      _tile_dpbusd(0, 4, 6);
      Prefetch(fetched, 0);
    }
    if constexpr (kTiles > 2) {
      _tile_loadd(4, x + kTileRows * depth + k, depth);
      _tile_dpbusd(1, 4, 6);
      Prefetch(fetched, 1);
    }
    if constexpr (kTiles > 3) {
      _tile_loadd(4, x + 2 * kTileRows * depth + k, depth);
      _tile_dpbusd(2, 4, 6);
      Prefetch(fetched, 2);
    }
    _tile_loadd(5, last_x + k, depth);
    _tile_dpbusd(3, 5, 6);
    Prefetch(fetched, 3);
    if (before != nullptr) before->WriteSome();
  }
  constexpr int64_t kTileSums = kTileRows * kInt8Rows;
  if constexpr (kTiles > 1) _tile_stored(0, sums, kSumsBytes);
  if constexpr (kTiles > 2) _tile_stored(1, sums + kTileSums, kSumsBytes);
  if constexpr (kTiles > 3) _tile_stored(2, sums + 2 * kTileSums, kSumsBytes);
  _tile_stored(3, sums + (kTiles - 1) * kTileSums, kSumsBytes);
}

template <int kTiles>
void MultiplyRows(const Int8Product& product, Rows rows) {
  alignas(64) int32_t sums[2][kTiles * kTileRows * kInt8Rows];
  const uint8_t* x = product.x + rows.begin * product.depth;
  const int64_t blocks = (product.columns + kInt8Rows - 1) / kInt8Rows;
  const int64_t forward = product.backwards ? -1 : 1;
  const int64_t block_bytes = forward * product.depth * kInt8Rows;
  int64_t column = product.backwards ? (blocks - 1) * kInt8Rows : 0;
  const int8_t* weights = product.weights + column * product.depth;
  Configure(rows.end - rows.begin - (kTiles - 1) * kTileRows);
  int now = 0;
  FindSums<kTiles>(x, {weights, weights + block_bytes}, product.depth,
                   sums[now], nullptr);
  for (int64_t done = 1; done < blocks; ++done) {
    weights += block_bytes;
    Finished before(product, rows, column, sums[now]);
    FindSums<kTiles>(x, {weights, weights + block_bytes}, product.depth,
                     sums[1 - now], &before);
    now = 1 - now;
    column += forward * kInt8Rows;
  }
  Finished(product, rows, column, sums[now]).WriteAll();
}

void Multiply(const Int8Product& product) {
  constexpr int64_t kMostRows = kMostTiles * kTileRows;
  for (int64_t begin = 0; begin < product.rows; begin += kMostRows) {
    const int64_t end = begin + kMostRows;
    const Rows rows = {begin, end < product.rows ? end : product.rows};
    switch ((rows.end - rows.begin - 1) / kTileRows) {
      case 0:
        MultiplyRows<1>(product, rows);
        break;
      case 1:
        MultiplyRows<2>(product, rows);
        break;
      case 2:
        MultiplyRows<3>(product, rows);
        break;
      default:
        MultiplyRows<4>(product, rows);
    }
  }
  _tile_release();
}

}  // namespace

extern const Int8Kernel kInt8KernelAmx;
const Int8Kernel kInt8KernelAmx = {.name = "own:avx512_core_amx_int8",
                                   .multiply = Multiply};

}  // namespace carousel
