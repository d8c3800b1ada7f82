// SPDX-License-Identifier: Apache-2.0
//
// Batches are divided by rows: between the processes that train together, and
// on each of them into parts that are computed one after the other.

#ifndef CAROUSEL_MODEL_TRAIN_ROW_PARTS_H_
#define CAROUSEL_MODEL_TRAIN_ROW_PARTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/layers/dropout.h"
#include "model/train/communicator.h"

namespace carousel {

// The parts that this process computes of a batch of `rows`: `accumulate` of
// them, as equal as can be. INVALID_ARGUMENT if one, here or on another rank,
// would be empty.
absl::StatusOr<std::vector<RowSlice>> OwnParts(
    int rows, int accumulate, const Communicator& communicator);

// The key of a part's dropout masks, given the whole batch's.
DropoutKey KeyOfPart(DropoutKey key, const RowSlice& part, int rows);

// The part's columns of a (T, rows) array.
template <typename T>
std::vector<T> ColumnsOfPart(const std::vector<T>& values, int rows,
                             const RowSlice& part) {
  std::vector<T> columns;
  columns.reserve(values.size() / static_cast<size_t>(rows) *
                  static_cast<size_t>(part.count));
  for (size_t t = 0; t < values.size(); t += static_cast<size_t>(rows)) {
    const auto begin = values.begin() + static_cast<int64_t>(t) + part.first;
    columns.insert(columns.end(), begin, begin + part.count);
  }
  return columns;
}

// Copies the (L, part.count, H) state of a part into its place in the
// (L, rows, H) state of the batch, and back. Both may be empty.
void ScatterPart(const std::vector<float>& state, const RowSlice& part,
                 int rows, int64_t hidden, std::vector<float>* all);
void GatherPart(const std::vector<float>& all, const RowSlice& part, int rows,
                int64_t hidden, std::vector<float>* state);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_ROW_PARTS_H_
