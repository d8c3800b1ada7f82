// SPDX-License-Identifier: Apache-2.0
//
// Inverted dropout (Srivastava et al. 2014): in training a share of the
// activations is zeroed and the others are scaled up, so that nothing is done
// when serving.

#ifndef CAROUSEL_MODEL_LAYERS_DROPOUT_H_
#define CAROUSEL_MODEL_LAYERS_DROPOUT_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace carousel {

// Where a mask belongs. Masks are a function of this key and nothing else: a
// resumed or divided run drops what the whole run drops.
//
// A batch that several processes or passes share has one set of masks: of its
// `global_rows` rows, this key is for the `local_rows` from `first_row` on.
struct DropoutKey {
  uint64_t seed = 0;
  int64_t step = 0;  // number of the update
  int site = 0;      // which activation of the network
  int64_t first_row = 0;
  int64_t local_rows = 0;  // 0: the batch is whole
  int64_t global_rows = 0;
};

// mask (rows, width): 0 with probability `rate` (to 1/65536), else
// 1 / (1 - rate). Row t * local_rows + n is drawn as row
// t * global_rows + first_row + n of the whole batch.
// REQUIRES: 0 <= rate < 1; mask.size() is a multiple of width.
void FillDropoutMask(const DropoutKey& key, float rate, int64_t width,
                     absl::Span<float> mask);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_DROPOUT_H_
