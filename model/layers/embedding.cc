// SPDX-License-Identifier: Apache-2.0

#include "model/layers/embedding.h"

#include <algorithm>
#include <cstring>

#include "model/base/check.h"
#include "model/layers/kernels.h"

namespace carousel {

void GatherRows(const Tensor& table, absl::Span<const int32_t> ids,
                float* out) {
  const int64_t width = table.dim(1);
  const auto count = static_cast<size_t>(width);
  for (int32_t id : ids) {
    CAROUSEL_CHECK(id >= 0 && id < table.dim(0));
    if (table.dtype() == DType::kF32) {
      std::memcpy(out, table.data<float>() + id * width, count * sizeof(float));
    } else {
      const BFloat16* row = table.data<BFloat16>() + id * width;
      GetKernels().from_bf16(width, &row->bits, out);
    }
    out += width;
  }
}

// Every thread adds all rows, in some of the columns.
void AddRows(absl::Span<const int32_t> ids, int64_t width, const float* rows,
             float* table) {
  constexpr int64_t kColumns = 128;
  const Kernels& kernels = GetKernels();
#pragma omp parallel for schedule(static)
  for (int64_t first = 0; first < width; first += kColumns) {
    const int64_t count = std::min(kColumns, width - first);
    const float* row = rows + first;
    for (const int64_t id : ids) {
      kernels.add(count, row, table + id * width + first);
      row += width;
    }
  }
}

}  // namespace carousel
