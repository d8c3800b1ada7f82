// SPDX-License-Identifier: Apache-2.0
//
// The embedding: row `id` of a table, as floats, and its gradient.

#ifndef CAROUSEL_MODEL_LAYERS_EMBEDDING_H_
#define CAROUSEL_MODEL_LAYERS_EMBEDDING_H_

#include <cstdint>

#include "absl/types/span.h"
#include "model/tensor/tensor.h"

namespace carousel {

// out (ids.size(), E) = the rows `ids` of `table` (V, E), F32 or BF16.
// REQUIRES: 0 <= id < V.
void GatherRows(const Tensor& table, absl::Span<const int32_t> ids, float* out);

// To row ids[i] of `table` (V, E) adds row i of `rows` (ids.size(), E), for
// each i in turn, so that any number of OpenMP threads gives the same bits.
// REQUIRES: 0 <= id < V.
void AddRows(absl::Span<const int32_t> ids, int64_t width, const float* rows,
             float* table);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_EMBEDDING_H_
