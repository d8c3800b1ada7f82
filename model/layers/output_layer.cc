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
    const Tensor& weight, const Tensor& bias, absl::Span<const int32_t> order,
    Precision precision) {
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
  std::vector<float> gathered;
  for (int64_t first = 0; first < vocabulary; first += kTileRows) {
    const int64_t n = std::min<int64_t>(kTileRows, vocabulary - first);
    gathered.resize(static_cast<size_t>(n * embedding));
    GatherRows(weight, absl::MakeSpan(rows).subspan(first, n), gathered.data());
    ASSIGN_OR_RETURN(
        auto tile,
        ServedMatrix::Create(Tensor::FromFloats({n, embedding}, gathered),
                             precision));
    layer->tiles_.push_back(std::move(tile));
  }
  return layer;
}

absl::Status OutputLayer::Logits(const float* features, int rows, int begin,
                                 int end, float* logits,
                                 OutputLayerScratch* scratch,
                                 ServedScratch* products) const {
  CAROUSEL_CHECK(0 <= begin && begin < end &&
                 end <= static_cast<int>(bias_.size()));
  for (int done = 0; done < rows;) {
    const int now = LargestRowBucket(rows - done, kMaxRows);
    scratch->features.Set(tiles_.front()->precision(),
                          features + int64_t{done} * embedding_, now,
                          embedding_);
    RETURN_IF_ERROR(LogitsOfFewRows(
        begin, end, logits + int64_t{done} * (end - begin), scratch, products));
    done += now;
  }
  return absl::OkStatus();
}

absl::Status OutputLayer::LogitsOfFewRows(int begin, int end, float* logits,
                                          OutputLayerScratch* scratch,
                                          ServedScratch* products) const {
  const auto rows = static_cast<int>(scratch->features.rows());
  // A product goes to a tile of its own and is copied from there: writing into
  // `logits` would need a primitive for each distance between its rows.
  scratch->tile.resize(static_cast<size_t>(rows) * kTileRows);
  for (int t = begin / kTileRows; t * kTileRows < end; ++t) {
    const ServedMatrix& matrix = *tiles_[static_cast<size_t>(t)];
    const int width = static_cast<int>(matrix.n());
    for (int row = 0; row < rows; ++row) {
      std::copy_n(bias_.data() + int64_t{t} * kTileRows, width,
                  scratch->tile.data() + int64_t{row} * width);
    }
    RETURN_IF_ERROR(
        matrix.MultiplyAdd(scratch->features, scratch->tile.data(), products));
    const int from = std::max(begin, t * kTileRows);
    const int to = std::min(end, t * kTileRows + width);
    for (int row = 0; row < rows; ++row) {
      std::copy_n(scratch->tile.data() + int64_t{row} * width + from -
                      int64_t{t} * kTileRows,
                  to - from,
                  logits + int64_t{row} * (end - begin) + from - begin);
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
