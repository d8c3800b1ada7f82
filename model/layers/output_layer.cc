// SPDX-License-Identifier: Apache-2.0

#include "model/layers/output_layer.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/buckets.h"
#include "model/layers/embedding.h"

namespace carousel {

absl::StatusOr<std::unique_ptr<const OutputLayer>> OutputLayer::Create(
    const Tensor& weight, const Tensor& bias, absl::Span<const int32_t> order) {
  const int64_t vocabulary = weight.dim(0);
  const int64_t embedding = weight.dim(1);
  std::vector<int32_t> rows(order.begin(), order.end());
  if (rows.empty()) {
    for (int32_t r = 0; r < vocabulary; ++r) rows.push_back(r);
  }
  CAROUSEL_CHECK(static_cast<int64_t>(rows.size()) == vocabulary);

  auto layer = absl::WrapUnique(new OutputLayer);
  layer->embedding_ = embedding;
  const Tensor plain_bias = bias.ToF32();
  for (int32_t row : rows) {
    layer->bias_.push_back(plain_bias.data<float>()[row]);
  }
  Executor executor;
  std::vector<float> gathered;
  for (int64_t first = 0; first < vocabulary; first += kTileRows) {
    const int64_t n = std::min<int64_t>(kTileRows, vocabulary - first);
    gathered.resize(static_cast<size_t>(n * embedding));
    GatherRows(weight, absl::MakeSpan(rows).subspan(first, n), gathered.data());
    ASSIGN_OR_RETURN(auto tile, PackedMatrix::Create(embedding, n));
    RETURN_IF_ERROR(tile->Pack(
        {.data = gathered.data(), .row_stride = embedding, .transposed = true},
        &executor));
    layer->tiles_.push_back(std::move(tile));
  }
  return layer;
}

absl::Status OutputLayer::Logits(const float* features, int rows, int begin,
                                 int end, float* logits,
                                 std::vector<float>* tile,
                                 Executor* executor) const {
  CAROUSEL_CHECK(0 <= begin && begin < end &&
                 end <= static_cast<int>(bias_.size()));
  for (int done = 0; done < rows;) {
    const int now = LargestBucket(rows - done, kMaxRows);
    RETURN_IF_ERROR(LogitsOfFewRows(
        features + int64_t{done} * embedding_, now, begin, end,
        logits + int64_t{done} * (end - begin), tile, executor));
    done += now;
  }
  return absl::OkStatus();
}

absl::Status OutputLayer::LogitsOfFewRows(const float* features, int rows,
                                          int begin, int end, float* logits,
                                          std::vector<float>* tile,
                                          Executor* executor) const {
  // A product goes to a tile of its own and is copied from there: writing into
  // `logits` would need a primitive for each distance between its rows.
  tile->resize(static_cast<size_t>(rows) * kTileRows);
  for (int t = begin / kTileRows; t * kTileRows < end; ++t) {
    const PackedMatrix& matrix = *tiles_[static_cast<size_t>(t)];
    const int width = static_cast<int>(matrix.n());
    RETURN_IF_ERROR(matrix.Multiply(rows, features, embedding_, tile->data(),
                                    width, false, executor));
    const int from = std::max(begin, t * kTileRows);
    const int to = std::min(end, t * kTileRows + width);
    for (int row = 0; row < rows; ++row) {
      const float* in = tile->data() + int64_t{row} * width - t * kTileRows;
      float* out = logits + int64_t{row} * (end - begin) - begin;
      for (int r = from; r < to; ++r) {
        out[r] = in[r] + bias_[static_cast<size_t>(r)];
      }
    }
  }
  return absl::OkStatus();
}

size_t OutputLayer::memory_bytes() const {
  size_t bytes = bias_.size() * sizeof(float);
  for (const auto& tile : tiles_) bytes += tile->memory_bytes();
  return bytes;
}

const std::string& OutputLayer::implementation() const {
  return tiles_.front()->implementation();
}

}  // namespace carousel
