// SPDX-License-Identifier: Apache-2.0
//
// Int8Product by VPDPBUSD: four products of bytes, added to each of 16 sums.

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "model/layers/int8_product.h"
#include "model/layers/int8_sums_avx512.h"

namespace carousel {
namespace {

// Sums of so many rows and blocks of columns are kept in registers: 24 of 32,
// so that a vector of weights that was read is used for six rows, and four
// bytes of a row for four blocks.
constexpr int kMostRows = 6, kMostBlocks = 4;

template <int kRows, int kBlocks>
void MultiplyBlocks(const Int8Product& product, int64_t row, int64_t block) {
  const uint8_t* x = product.x + row * product.depth;
  const int64_t block_bytes = product.depth * kInt8Rows;
  const int8_t* weights = product.weights + block * block_bytes;
  __m512i sums[kRows][kBlocks];
  for (auto& its : sums) {
    for (auto& sum : its) sum = _mm512_setzero_si512();
  }
#pragma GCC unroll 1
  for (int64_t k = 0; k < product.depth; k += 4, weights += 4 * kInt8Rows) {
    __m512i w[kBlocks];
#pragma GCC unroll 4
    for (int b = 0; b < kBlocks; ++b) {
      w[b] = _mm512_load_si512(weights + b * block_bytes);
    }
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      int32_t four;
      std::memcpy(&four, x + r * product.depth + k, sizeof(four));
      const __m512i repeated = _mm512_set1_epi32(four);
#pragma GCC unroll 4
      for (int b = 0; b < kBlocks; ++b) {
        sums[r][b] = _mm512_dpbusd_epi32(sums[r][b], repeated, w[b]);
      }
    }
  }
#pragma GCC unroll 4
  for (int b = 0; b < kBlocks; ++b) {
    const int64_t column = (block + b) * kInt8Rows;
    const Int8Columns columns(product, column);
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      columns.Write(sums[r][b], product.x_scales[row + r],
                    product.out + (row + r) * product.out_stride + column);
    }
  }
}

template <int kBlocks>
void MultiplyRows(const Int8Product& product, int64_t block) {
  int64_t row = 0;
  for (; row + kMostRows <= product.rows; row += kMostRows) {
    MultiplyBlocks<kMostRows, kBlocks>(product, row, block);
  }
  switch (product.rows - row) {
    case 5:
      return MultiplyBlocks<5, kBlocks>(product, row, block);
    case 4:
      return MultiplyBlocks<4, kBlocks>(product, row, block);
    case 3:
      return MultiplyBlocks<3, kBlocks>(product, row, block);
    case 2:
      return MultiplyBlocks<2, kBlocks>(product, row, block);
    case 1:
      return MultiplyBlocks<1, kBlocks>(product, row, block);
    default:
      return;
  }
}

void Multiply(const Int8Product& product) {
  const int64_t blocks = (product.columns + kInt8Rows - 1) / kInt8Rows;
  const int64_t groups = (blocks + kMostBlocks - 1) / kMostBlocks;
  for (int64_t i = 0; i < groups; ++i) {
    const int64_t group = product.backwards ? groups - 1 - i : i;
    int64_t block = group * kMostBlocks;
    if (block + kMostBlocks <= blocks) {
      MultiplyRows<kMostBlocks>(product, block);
    } else {
      for (; block < blocks; ++block) MultiplyRows<1>(product, block);
    }
  }
}

}  // namespace

extern const Int8Kernel kInt8KernelVnni;
const Int8Kernel kInt8KernelVnni = {.name = "own:avx512_core_vnni",
                                    .multiply = Multiply};

}  // namespace carousel
