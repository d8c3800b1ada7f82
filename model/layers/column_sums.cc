// SPDX-License-Identifier: Apache-2.0

#include "model/layers/column_sums.h"

#include <algorithm>

#include "model/layers/kernels.h"

namespace carousel {

void AddColumnSums(const float* matrix, int64_t rows, int64_t columns,
                   float* sums) {
  // A block of columns per thread: its sums stay in the first-level cache.
  constexpr int64_t kBlock = 1024;
  const Kernels& kernels = GetKernels();
#pragma omp parallel for schedule(static)
  for (int64_t first = 0; first < columns; first += kBlock) {
    const int64_t width = std::min(kBlock, columns - first);
    for (int64_t row = 0; row < rows; ++row) {
      kernels.add(width, matrix + row * columns + first, sums + first);
    }
  }
}

}  // namespace carousel
