// SPDX-License-Identifier: Apache-2.0
//
// Moves rows of recurrent states, whose numbers lie layer by layer: from state
// to state, and to vectors of a row each, which a linear layer reads and
// writes.

#ifndef CAROUSEL_MODEL_LAYERS_STATE_ROWS_H_
#define CAROUSEL_MODEL_LAYERS_STATE_ROWS_H_

#include <cstdint>

#include "model/layers/recurrent_stack.h"

namespace carousel {

// Rows [to_first, to_first + count) of `*to` = rows [from_first, ...) of
// `from`.
void CopyStateRows(const StackSizes& sizes, const RecurrentState& from,
                   int from_first, int count, RecurrentState* to, int to_first);

// summary (N, D * H) = the top layer's h in every direction.
void GatherTop(const StackSizes& sizes, const RecurrentState& state,
               float* summary);

// The other way, for gradients: `summary` into the top layer's h. The rest of
// `*state` stays as it is.
void ScatterTop(const StackSizes& sizes, const float* summary,
                RecurrentState* state);

// vectors (N, Z) = h of every layer, then c of every layer. REQUIRES (both):
// one direction.
void GatherState(const StackSizes& sizes, const RecurrentState& state,
                 float* vectors);
void ScatterState(const StackSizes& sizes, const float* vectors,
                  RecurrentState* state);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_STATE_ROWS_H_
