// SPDX-License-Identifier: Apache-2.0

#include "model/layers/embedding.h"

#include <cstring>

#include "model/base/check.h"

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
      ToFloat({table.data<BFloat16>() + id * width, count}, {out, count});
    }
    out += width;
  }
}

}  // namespace carousel
