// SPDX-License-Identifier: Apache-2.0

#include "model/layers/output_layer.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "model/base/buckets.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/embedding.h"

namespace carousel {

namespace {

// Numbers of one product's result: as many as stay in the cache.
constexpr int64_t kMaxLogits = 65536;

std::vector<int> BeginsOf(int rows, absl::Span<const int32_t> tile_begins) {
  std::vector<int> begins(tile_begins.begin(), tile_begins.end());
  for (int row = 0; tile_begins.empty() && row < rows;
       row += OutputLayer::kTileRows) {
    begins.push_back(row);
  }
  CAROUSEL_CHECK(begins.front() == 0);
  begins.push_back(rows);
  for (size_t t = 1; t < begins.size(); ++t) {
    const int size = begins[t] - begins[t - 1];
    CAROUSEL_CHECK(0 < size && size <= OutputLayer::kTileRows);
  }
  return begins;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const OutputLayer>> OutputLayer::Create(
    const Tensor& weight, const Tensor& bias, absl::Span<const int32_t> order,
    Precision precision, absl::Span<const int32_t> tile_begins) {
  const auto vocabulary = static_cast<int>(weight.dim(0));
  std::vector<int32_t> rows(order.begin(), order.end());
  if (rows.empty()) {
    for (int32_t r = 0; r < vocabulary; ++r) rows.push_back(r);
  }
  CAROUSEL_CHECK(static_cast<int>(rows.size()) == vocabulary);

  auto layer = absl::WrapUnique(new OutputLayer);
  layer->embedding_ = weight.dim(1);
  layer->begins_ = BeginsOf(vocabulary, tile_begins);
  const Tensor plain_bias = bias.ToF32();
  layer->bias_.assign(static_cast<size_t>(layer->tiles()) * kTileRows, 0);
  ASSIGN_OR_RETURN(
      layer->matrix_,
      ServedMatrix::CreateTiles(
          {.n = kTileRows, .k = layer->embedding_, .tiles = layer->tiles()},
          precision, [&](int64_t tile, absl::Span<float> values) {
            const auto begin = static_cast<size_t>(layer->begins_[tile]);
            const auto end = static_cast<size_t>(layer->begins_[tile + 1]);
            std::fill(values.begin(), values.end(), 0.0f);
            GatherRows(weight, absl::MakeSpan(rows).subspan(begin, end - begin),
                       values.data());
            for (size_t r = begin; r < end; ++r) {
              layer->bias_[static_cast<size_t>(tile) * kTileRows + r - begin] =
                  plain_bias.data<float>()[rows[r]];
            }
          }));
  return layer;
}

int OutputLayer::TileOf(int row) const {
  return static_cast<int>(
      std::upper_bound(begins_.begin(), begins_.end(), row) - begins_.begin() -
      1);
}

absl::Status OutputLayer::Visit(const float* features, int rows, int begin,
                                int end, LogitVisitor visit,
                                OutputLayerScratch* scratch,
                                ServedScratch* products) const {
  CAROUSEL_CHECK(1 <= rows && rows <= kMaxRows);
  CAROUSEL_CHECK(0 <= begin && begin <= end && end <= tiles());
  scratch->features.Set(matrix_->precision(), features, rows, embedding_);
  const auto room = static_cast<int>(
      std::max<int64_t>(1, kMaxLogits / (int64_t{rows} * kTileRows)));
  const int longest = NextPiece(room, static_cast<int>(matrix_->longest_run()),
                                wants_few_shapes());
  for (int tile = begin; tile < end;) {
    const int count = NextPiece(end - tile, longest, wants_few_shapes());
    const auto visit_tiles = [&](int64_t row, const float* values) {
      for (int t = tile; t < tile + count; ++t, values += kTileRows) {
        const int first = begins_[static_cast<size_t>(t)];
        const int size = begins_[static_cast<size_t>(t) + 1] - first;
        visit({.row = static_cast<int>(row),
               .begin = first,
               .logits = {values, static_cast<size_t>(size)}});
      }
    };
    RETURN_IF_ERROR(matrix_->VisitRows(
        scratch->features, {.first = tile, .count = count},
        bias_.data() + int64_t{tile} * kTileRows, visit_tiles, products));
    tile += count;
  }
  return absl::OkStatus();
}

absl::Status OutputLayer::Logits(const float* features, int rows, int begin,
                                 int end, float* logits,
                                 OutputLayerScratch* scratch,
                                 ServedScratch* products) const {
  CAROUSEL_CHECK(0 <= begin && begin < end && end <= begins_.back());
  const int64_t width = end - begin;
  for (int done = 0; done < rows;) {
    const auto now =
        static_cast<int>(matrix_->RowsTogether(rows - done, kMaxRows));
    float* out = logits + done * width;
    const auto copy = [&](const LogitTile& tile) {
      const int tile_end = tile.begin + static_cast<int>(tile.logits.size());
      const int from = std::max(begin, tile.begin);
      const int to = std::min(end, tile_end);
      std::copy_n(tile.logits.begin() + (from - tile.begin), to - from,
                  out + tile.row * width + (from - begin));
    };
    RETURN_IF_ERROR(Visit(features + int64_t{done} * embedding_, now,
                          TileOf(begin), TileOf(end - 1) + 1, copy, scratch,
                          products));
    done += now;
  }
  return absl::OkStatus();
}

size_t OutputLayer::memory_bytes() const {
  return bias_.size() * sizeof(float) + matrix_->memory_bytes();
}

std::string OutputLayer::implementation() const {
  return matrix_->implementation();
}

}  // namespace carousel
