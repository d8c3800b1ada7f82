// SPDX-License-Identifier: Apache-2.0
//
// Products of f32 whose constant side lies in the order in which it is read.
//
// Each sum begins with what it is added to and takes one product after the
// other, in the order of k, whatever stands beside it: a row's result has the
// same bits alone and in any batch. oneDNN picks a kernel, and with it an
// order, by the number of rows.

#ifndef CAROUSEL_MODEL_LAYERS_F32_PRODUCT_H_
#define CAROUSEL_MODEL_LAYERS_F32_PRODUCT_H_

#include <cstdint>

namespace carousel {

// Weights (n, k) lie in panels of so many rows, one panel behind the other:
// within a panel a weight of each row comes together, (k, kF32Rows). Zeros fill
// the last panel.
constexpr int64_t kF32Rows = 32;

// Where weight (row, k) of (n, depth) lies.
constexpr int64_t F32Place(int64_t row, int64_t k, int64_t depth) {
  return (row / kF32Rows * depth + k) * kF32Rows + row % kF32Rows;
}

// out_ij = base + sum_p x_ip w_jp, where base is bias_j, or out_ij if there is
// no bias.
struct F32Product {
  int64_t rows = 0;
  int64_t columns = 0;  // of out: rows of the weights
  int64_t depth = 0;

  const float* x = nullptr;        // (rows, depth)
  int64_t x_stride = 0;            // floats from a row to the next
  const float* weights = nullptr;  // at a cache line
  const float* bias = nullptr;
  float* out = nullptr;
  int64_t out_stride = 0;  // the same

  bool backwards = false;  // columns from the last to the first
};

struct F32Kernel {
  const char* name;

  // The same bits whatever rows are beside a row, of either kernel.
  void (*multiply)(const F32Product& product);
};

// Version `index` among those that this CPU can run, the best first; null after
// the last, which may be the first. Thread-safe. What the environment forbids
// oneDNN (ONEDNN_MAX_CPU_ISA) is not run here either.
const F32Kernel* F32KernelVersion(int index);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_F32_PRODUCT_H_
