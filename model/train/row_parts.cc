// SPDX-License-Identifier: Apache-2.0
#include "model/train/row_parts.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace carousel {

absl::StatusOr<std::vector<RowSlice>> OwnParts(
    int rows, int accumulate, const Communicator& communicator) {
  // The last rank has the fewest rows, its last part the fewest of them.
  if (accumulate < 1 || rows / communicator.size() < accumulate) {
    return absl::InvalidArgumentError(absl::StrCat(
        "rows: ", rows, " are too few for ", accumulate,
        " parts (accumulate) on each of ", communicator.size(), " processes"));
  }
  const RowSlice own = communicator.Slice(rows);
  std::vector<RowSlice> parts;
  int first = own.first;
  for (int i = 0; i < accumulate; ++i) {
    const int count =
        own.count / accumulate + (i < own.count % accumulate ? 1 : 0);
    parts.push_back({.first = first, .count = count});
    first += count;
  }
  return parts;
}

DropoutKey KeyOfPart(DropoutKey key, const RowSlice& part, int rows) {
  key.first_row = part.first;
  key.local_rows = part.count;
  key.global_rows = rows;
  return key;
}

void ScatterPart(const std::vector<float>& state, const RowSlice& part,
                 int rows, int64_t hidden, std::vector<float>* all) {
  const int64_t width = part.count * hidden;
  const int64_t layers = static_cast<int64_t>(state.size()) / width;
  for (int64_t k = 0; k < layers; ++k) {
    std::copy_n(state.begin() + k * width, width,
                all->begin() + (k * rows + part.first) * hidden);
  }
}

void GatherPart(const std::vector<float>& all, const RowSlice& part, int rows,
                int64_t hidden, std::vector<float>* state) {
  const int64_t width = part.count * hidden;
  const int64_t layers = static_cast<int64_t>(state->size()) / width;
  for (int64_t k = 0; k < layers; ++k) {
    std::copy_n(all.begin() + (k * rows + part.first) * hidden, width,
                state->begin() + k * width);
  }
}

}  // namespace carousel
