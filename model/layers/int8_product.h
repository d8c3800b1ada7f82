// SPDX-License-Identifier: Apache-2.0
//
// Products of unsigned activations and signed weights of 8 bits, turned into
// floats while the exact sums are in registers. Written for AMX tiles and for
// the dot products of AVX512_VNNI; the better one that the CPU has is taken.
//
// A layer of a few rows reads more weights than it does arithmetic, so weights
// lie in the order in which they are read, and nothing else is written than
// what the layer wants: oneDNN 2.6 writes the sums, which are then read again.

#ifndef CAROUSEL_MODEL_LAYERS_INT8_PRODUCT_H_
#define CAROUSEL_MODEL_LAYERS_INT8_PRODUCT_H_

#include <cstdint>

namespace carousel {

// Weights (n, k) lie in blocks of so many rows, one block behind the other.
// Within a block four neighbours of each row come together, then the next four
// of each: (k / 4, kInt8Rows, 4). Zeros fill the last block, and k up to a
// multiple of kInt8Depth.
constexpr int64_t kInt8Rows = 16;
constexpr int64_t kInt8Depth = 64;

// Where weight (row, k) of (n, depth) lies.
constexpr int64_t Int8Place(int64_t row, int64_t k, int64_t depth) {
  return (row / kInt8Rows * depth + k / 4 * 4) * kInt8Rows +
         row % kInt8Rows * 4 + k % 4;
}

// out_ij = base + x_scales_i scales_j (sum_p x_ip w_jp - offsets_j), where base
// is bias_j, or out_ij if there is no bias.
struct Int8Product {
  int64_t rows = 0;
  int64_t columns = 0;  // of out: rows of the weights
  int64_t depth = 0;    // a multiple of kInt8Depth

  const uint8_t* x = nullptr;  // (rows, depth)
  const float* x_scales = nullptr;
  const int8_t* weights = nullptr;  // at a cache line
  const float* scales = nullptr;
  const int32_t* offsets = nullptr;
  const float* bias = nullptr;
  float* out = nullptr;
  int64_t out_stride = 0;  // floats from a row to the next

  bool backwards = false;  // columns from the last to the first
};

struct Int8Kernel {
  const char* name;

  // The same bits whatever rows are beside a row, of either kernel.
  void (*multiply)(const Int8Product& product);
};

// Version `index` among those that this CPU can run, the best first; null after
// the last. Thread-safe. What the environment forbids oneDNN
// (ONEDNN_MAX_CPU_ISA) is not run here either.
const Int8Kernel* Int8KernelVersion(int index);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_INT8_PRODUCT_H_
