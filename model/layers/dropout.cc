// SPDX-License-Identifier: Apache-2.0

#include "model/layers/dropout.h"

#include <algorithm>

#include "model/base/random.h"

namespace carousel {
namespace {

int64_t GlobalRow(const DropoutKey& key, int64_t row) {
  if (key.local_rows == 0) return row;
  return row / key.local_rows * key.global_rows + key.first_row +
         row % key.local_rows;
}

}  // namespace

void FillDropoutMask(const DropoutKey& key, float rate, int64_t width,
                     absl::Span<float> mask) {
  const auto threshold = static_cast<uint32_t>(rate * 65536.0f);
  const float kept = 1.0f / (1.0f - rate);
  const int64_t rows = static_cast<int64_t>(mask.size()) / width;
#pragma omp parallel for schedule(static)
  for (int64_t row = 0; row < rows; ++row) {
    Random random(key.seed, static_cast<uint64_t>(key.step),
                  static_cast<uint64_t>(key.site),
                  static_cast<uint64_t>(GlobalRow(key, row)));
    float* out = mask.data() + row * width;
    for (int64_t i = 0; i < width; i += 4) {
      const uint64_t bits = random.Bits();  // enough for four elements
      const int64_t end = std::min<int64_t>(i + 4, width);
      for (int64_t k = i; k < end; ++k) {
        const uint32_t draw = (bits >> (16 * (k - i))) & 0xffffu;
        out[k] = draw < threshold ? 0.0f : kept;
      }
    }
  }
}

}  // namespace carousel
