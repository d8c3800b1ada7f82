// SPDX-License-Identifier: Apache-2.0
//
// F32Product, compiled once for each instruction set: see CMakeLists.txt.

#include <cstdint>
#include <cstring>

#include "model/layers/f32_product.h"

namespace carousel {
namespace {

// Sums of several rows and vectors of columns stay in registers, at most 24 of
// 32 or 12 of 16: so a vector of weights that was read is used for all rows,
// and an activation for all vectors. Where rows are few, more vectors keep as
// many sums under way.
#ifdef __AVX512F__
constexpr int64_t kLanes = 16, kMostRows = 12, kFewRows = 4, kFewVectors = 4;
#else
constexpr int64_t kLanes = 8, kMostRows = 6, kFewRows = 2, kFewVectors = 4;
#endif
constexpr int64_t kVectors = 2;
constexpr int64_t kInPanel = kF32Rows / kLanes;

// So much of a panel's depth stays in the first cache for all rows, beside the
// activations that it is multiplied with.
constexpr int64_t kMostDepth = 256;

// Weights are fetched so long before they are read, counted in k.
constexpr int64_t kAhead = 32;

typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

int64_t Min(int64_t a, int64_t b) { return a < b ? a : b; }

struct Range {
  int64_t begin = 0;
  int64_t end = 0;
};

// `lanes` of them, or all.
Vector Load(const float* from, int64_t lanes) {
  Vector vector = {};
  if (lanes >= kLanes) {
    std::memcpy(&vector, from, sizeof(vector));
  } else if (lanes > 0) {
    std::memcpy(&vector, from, static_cast<size_t>(lanes) * sizeof(float));
  }
  return vector;
}

void Store(const Vector& vector, int64_t lanes, float* to) {
  if (lanes >= kLanes) {
    std::memcpy(to, &vector, sizeof(vector));
  } else if (lanes > 0) {
    std::memcpy(to, &vector, static_cast<size_t>(lanes) * sizeof(float));
  }
}

// Of kRows rows and kWidth vectors of columns, some of the depth.
template <int kRows, int kWidth>
void MultiplyVectors(const F32Product& product, int64_t row, int64_t column,
                     Range depth) {
  const int64_t panel = product.depth * kF32Rows;
  const float* weights = product.weights + column / kF32Rows * panel +
                         depth.begin * kF32Rows + column % kF32Rows;
  const float* x = product.x + row * product.x_stride;
  float* out = product.out + row * product.out_stride + column;
  const bool adds = depth.begin > 0 || product.bias == nullptr;
  const float* base = adds ? out : product.bias + column;
  const int64_t base_stride = adds ? product.out_stride : 0;
  const int64_t lanes = product.columns - column;
  Vector sums[kRows][kWidth];
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kWidth; ++v) {
      sums[r][v] =
          Load(base + r * base_stride + v * kLanes, lanes - v * kLanes);
    }
  }
#pragma GCC unroll 1
  for (int64_t k = depth.begin; k < depth.end; ++k, weights += kF32Rows) {
    Vector w[kWidth];
#pragma GCC unroll 4
    for (int v = 0; v < kWidth; ++v) {
      const float* from =
          weights + v / kInPanel * panel + v % kInPanel * kLanes;
      w[v] = Load(from, kLanes);
      __builtin_prefetch(from + kAhead * kF32Rows);
    }
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const float value = x[r * product.x_stride + k];
#pragma GCC unroll 4
      for (int v = 0; v < kWidth; ++v) sums[r][v] += w[v] * value;
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kWidth; ++v) {
      Store(sums[r][v], lanes - v * kLanes,
            out + r * product.out_stride + v * kLanes);
    }
  }
}

// Of `rows` rows, at most kRows.
template <int kRows, int kWidth>
void MultiplyRows(const F32Product& product, int64_t row, int64_t rows,
                  int64_t column, Range depth) {
  if (rows == kRows) {
    MultiplyVectors<kRows, kWidth>(product, row, column, depth);
  } else if constexpr (kRows > 1) {
    MultiplyRows<kRows - 1, kWidth>(product, row, rows, column, depth);
  }
}

template <int kRows, int kWidth>
void MultiplyColumns(const F32Product& product, int64_t column) {
  // Weights that are read once need not stay.
  const int64_t most = product.rows <= kRows ? product.depth : kMostDepth;
  for (int64_t k = 0; k < product.depth; k += most) {
    const Range depth = {k, Min(k + most, product.depth)};
    for (int64_t row = 0; row < product.rows; row += kRows) {
      MultiplyRows<kRows, kWidth>(product, row, Min(kRows, product.rows - row),
                                  column, depth);
    }
  }
}

void Multiply(const F32Product& product) {
  const bool few = product.rows <= kFewRows;
  const int64_t width = (few ? kFewVectors : kVectors) * kLanes;
  const int64_t groups = (product.columns + width - 1) / width;
  const int64_t filled = (product.columns + kF32Rows - 1) / kF32Rows * kF32Rows;
  for (int64_t i = 0; i < groups; ++i) {
    const int64_t column = (product.backwards ? groups - 1 - i : i) * width;
    // Of the last two panels the second may not be there.
    if (few && column + width <= filled) {
      MultiplyColumns<kFewRows, kFewVectors>(product, column);
    } else {
      MultiplyColumns<kMostRows, kVectors>(product, column);
    }
  }
}

}  // namespace

extern const F32Kernel CAROUSEL_F32_KERNEL;
const F32Kernel CAROUSEL_F32_KERNEL = {.name = "own:" CAROUSEL_F32_KERNEL_NAME,
                                       .multiply = Multiply};

}  // namespace carousel
