// SPDX-License-Identifier: Apache-2.0

#include "model/layers/row_reversal.h"

#include <algorithm>

namespace carousel {

void ReverseRows(absl::Span<const int64_t> first, int64_t steps, int64_t width,
                 const float* from, int64_t from_stride, float* to,
                 int64_t to_stride) {
  const auto rows = static_cast<int64_t>(first.size());
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t n = 0; n < rows; ++n) {
      const int64_t start = first[static_cast<size_t>(n)];
      const int64_t source = t < start ? t : steps - 1 + start - t;
      std::copy_n(from + (source * rows + n) * from_stride, width,
                  to + (t * rows + n) * to_stride);
    }
  }
}

}  // namespace carousel
