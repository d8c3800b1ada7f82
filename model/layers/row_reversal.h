// SPDX-License-Identifier: Apache-2.0
//
// Rows read backwards, for the reverse direction of a bidirectional layer.

#ifndef CAROUSEL_MODEL_LAYERS_ROW_REVERSAL_H_
#define CAROUSEL_MODEL_LAYERS_ROW_REVERSAL_H_

#include <cstdint>

#include "absl/types/span.h"

namespace carousel {

// Row n of a batch of T steps holds its text in steps [first[n], T): to the
// right, so that the last step is every row's last. `to` receives each row's
// text backwards, in the same steps; what is before a row's first step is
// copied as it stands. Reversing twice gives what was there.
//
// `from` and `to` are (T, N) blocks of `width` floats, `from_stride` and
// `to_stride` floats apart; N is first.size(). REQUIRES: they do not overlap.
void ReverseRows(absl::Span<const int64_t> first, int64_t steps, int64_t width,
                 const float* from, int64_t from_stride, float* to,
                 int64_t to_stride);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_ROW_REVERSAL_H_
