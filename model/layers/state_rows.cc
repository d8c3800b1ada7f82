// SPDX-License-Identifier: Apache-2.0

#include "model/layers/state_rows.h"

#include <algorithm>

namespace carousel {
namespace {

// Calls copy(place in a state's h or c, place in the vectors) for each row of
// each of `layers` layers (or directions) from layer `first` on; the vectors
// are `stride` wide, and begin with `offset`.
template <typename Copy>
void ForEachPart(int first, int layers, int rows, int64_t hidden,
                 int64_t offset, int64_t stride, Copy copy) {
  for (int64_t layer = 0; layer < layers; ++layer) {
    for (int64_t row = 0; row < rows; ++row) {
      copy(((first + layer) * rows + row) * hidden,
           row * stride + offset + layer * hidden);
    }
  }
}

}  // namespace

void CopyStateRows(const StackSizes& sizes, const RecurrentState& from,
                   int from_first, int count, RecurrentState* to,
                   int to_first) {
  const int64_t width = sizes.hidden;
  for (int64_t k = 0; k < int64_t{sizes.layers} * sizes.directions(); ++k) {
    const int64_t in = (k * from.rows + from_first) * width;
    const int64_t out = (k * to->rows + to_first) * width;
    std::copy_n(from.h.data() + in, count * width, to->h.data() + out);
    if (!HasMemory(sizes.cell)) continue;
    std::copy_n(from.c.data() + in, count * width, to->c.data() + out);
  }
}

void GatherTop(const StackSizes& sizes, const RecurrentState& state,
               float* summary) {
  const int directions = sizes.directions();
  ForEachPart((sizes.layers - 1) * directions, directions, state.rows,
              sizes.hidden, 0, sizes.outputs(), [&](int64_t from, int64_t to) {
                std::copy_n(state.h.data() + from, sizes.hidden, summary + to);
              });
}

void ScatterTop(const StackSizes& sizes, const float* summary,
                RecurrentState* state) {
  const int directions = sizes.directions();
  ForEachPart((sizes.layers - 1) * directions, directions, state->rows,
              sizes.hidden, 0, sizes.outputs(), [&](int64_t to, int64_t from) {
                std::copy_n(summary + from, sizes.hidden, state->h.data() + to);
              });
}

void GatherState(const StackSizes& sizes, const RecurrentState& state,
                 float* vectors) {
  const int64_t width = int64_t{sizes.layers} * sizes.hidden;
  const bool memory = HasMemory(sizes.cell);
  for (const bool c : {false, true}) {
    if (c && !memory) continue;
    const float* part = c ? state.c.data() : state.h.data();
    ForEachPart(0, sizes.layers, state.rows, sizes.hidden, c ? width : 0,
                memory ? 2 * width : width, [&](int64_t from, int64_t to) {
                  std::copy_n(part + from, sizes.hidden, vectors + to);
                });
  }
}

void ScatterState(const StackSizes& sizes, const float* vectors,
                  RecurrentState* state) {
  const int64_t width = int64_t{sizes.layers} * sizes.hidden;
  const bool memory = HasMemory(sizes.cell);
  for (const bool c : {false, true}) {
    if (c && !memory) continue;
    float* part = c ? state->c.data() : state->h.data();
    ForEachPart(0, sizes.layers, state->rows, sizes.hidden, c ? width : 0,
                memory ? 2 * width : width, [&](int64_t to, int64_t from) {
                  std::copy_n(vectors + from, sizes.hidden, part + to);
                });
  }
}

}  // namespace carousel
