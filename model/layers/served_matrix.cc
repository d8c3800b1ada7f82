// SPDX-License-Identifier: Apache-2.0

#include "model/layers/served_matrix.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/types/span.h"
#include "model/base/buckets.h"
#include "model/base/check.h"
#include "model/base/grow.h"
#include "model/base/status_macros.h"
#include "model/layers/kernels.h"

namespace carousel {
namespace {

constexpr float kUnitScale = 1.0f / 127;

// The most rows of one product of MultiplyAddRows.
constexpr int kMaxRows = 64;

}  // namespace

void ServedRows::Prepare(Precision precision, const float* x, int64_t rows,
                         int64_t width, int64_t stride) {
  rows_ = rows;
  width_ = width;
  f32_ = x;
  const auto size = static_cast<size_t>(rows * width);
  // oneDNN has no fast kernels for rows with gaps.
  if (precision == Precision::kF32 && stride != width) {
    f32_ = GrowTo(size, &dense_);
    for (int64_t row = 0; row < rows; ++row) {
      std::copy_n(x + row * stride, width, dense_.data() + row * width);
    }
  }
  if (precision == Precision::kBF16) {
    BFloat16* to = GrowTo(size, &bf16_);
    const auto count = static_cast<size_t>(width);
    for (int64_t row = 0; row < rows; ++row) {
      ToBFloat16({x + row * stride, count}, {to + row * width, count});
    }
  } else if (precision == Precision::kInt8) {
    GrowTo(size, &int8_);
    GrowTo(static_cast<size_t>(rows), &scales_);
  }
}

void ServedRows::Set(Precision precision, const float* x, int64_t rows,
                     int64_t width, int64_t stride) {
  Prepare(precision, x, rows, width, stride);
  if (precision != Precision::kInt8) return;
  const Kernels& kernels = GetKernels();
  for (int64_t row = 0; row < rows; ++row) {
    const float* values = x + row * stride;
    const float scale = kernels.largest_magnitude(width, values) * kUnitScale;
    scales_[static_cast<size_t>(row)] = scale;
    kernels.quantise(width, scale > 0 ? 1 / scale : 0, values,
                     int8_.data() + row * width);
  }
}

void ServedRows::SetUnit(Precision precision, const float* x, int64_t rows,
                         int64_t width, int64_t stride) {
  Prepare(precision, x, rows, width, stride);
  if (precision != Precision::kInt8) return;
  std::fill_n(scales_.begin(), rows, kUnitScale);
  for (int64_t row = 0; row < rows; ++row) {
    GetKernels().quantise(width, 127.0f, x + row * stride,
                          int8_.data() + row * width);
  }
}

absl::StatusOr<std::unique_ptr<const ServedMatrix>> ServedMatrix::Create(
    const Tensor& weight, Precision precision) {
  const Tensor plain = weight.ToF32();
  return CreateTiles({.n = weight.dim(0), .k = weight.dim(1)}, precision,
                     [&](int64_t, absl::Span<float> values) {
                       std::copy_n(plain.data<float>(), values.size(),
                                   values.data());
                     });
}

absl::StatusOr<std::unique_ptr<const ServedMatrix>> ServedMatrix::CreateTiles(
    const TiledSizes& sizes, Precision precision,
    absl::FunctionRef<void(int64_t tile, absl::Span<float> values)> fill) {
  auto matrix = absl::WrapUnique(new ServedMatrix);
  ASSIGN_OR_RETURN(auto packed, PackedMatrix::Create(sizes.k, sizes.n,
                                                     precision, sizes.tiles));
  Executor executor;
  std::vector<float> values(static_cast<size_t>(sizes.n * sizes.k));
  for (int64_t tile = 0; tile < sizes.tiles; ++tile) {
    fill(tile, absl::MakeSpan(values));
    RETURN_IF_ERROR(matrix->PackTile(tile, values, packed.get(), &executor));
  }
  matrix->packed_ = std::move(packed);
  return matrix;
}

// A weight is quantised as an activation is, less the 128.
absl::Status ServedMatrix::PackTile(int64_t tile,
                                    absl::Span<const float> values,
                                    PackedMatrix* packed, Executor* executor) {
  const int64_t k = packed->k();
  if (packed->precision() != Precision::kInt8) {
    return packed->Pack(
        MatrixView{.data = values.data(), .row_stride = k, .transposed = true},
        executor, tile);
  }
  ServedRows rows;
  rows.Set(Precision::kInt8, values.data(), packed->n(), k);
  std::vector<int8_t> quantised;
  quantised.reserve(rows.int8_.size());
  for (uint8_t q : rows.int8_)
    quantised.push_back(static_cast<int8_t>(q - 128));
  scales_.insert(scales_.end(), rows.scales_.begin(), rows.scales_.end());
  for (auto row = quantised.begin(); row != quantised.end(); row += k) {
    offsets_.push_back(128 * std::accumulate(row, row + k, 0));
  }
  return packed->Pack(
      MatrixViewInt8{
          .data = quantised.data(), .row_stride = k, .transposed = true},
      executor, tile);
}

absl::Status ServedMatrix::MultiplyAdd(const ServedRows& x, float* out,
                                       ServedScratch* scratch) const {
  CAROUSEL_CHECK(x.width_ == k() && tiles() == 1);
  Executor* executor = &scratch->executor;
  switch (precision()) {
    case Precision::kF32:
      return packed_->Multiply(x.rows_, x.f32_, k(), out, n(), true, executor);
    case Precision::kBF16:
      return packed_->Multiply(x.rows_, x.bf16_.data(), k(), out, n(), true,
                               executor);
    case Precision::kInt8:
      break;
  }
  RETURN_IF_ERROR(SumsOf(x, {}, scratch));
  const Kernels& kernels = GetKernels();
  for (int64_t row = 0; row < x.rows_; ++row) {
    kernels.add_dequantised(n(), scratch->sums.data() + row * n(),
                            offsets_.data(), x.scale(row), scales_.data(),
                            out + row * n());
  }
  return absl::OkStatus();
}

absl::Status ServedMatrix::MultiplySums(const ServedRows& x,
                                        ServedScratch* scratch) const {
  CAROUSEL_CHECK(precision() == Precision::kInt8 && tiles() == 1);
  return SumsOf(x, {}, scratch);
}

absl::Status ServedMatrix::SumsOf(const ServedRows& x, TileRun run,
                                  ServedScratch* scratch) const {
  CAROUSEL_CHECK(x.width_ == k());
  const int64_t width = run.count * n();
  const auto size = static_cast<size_t>(x.rows_ * width);
  GrowTo(size, &scratch->sums);
  return packed_->Multiply(x.rows_, x.int8_.data(), k(), scratch->sums.data(),
                           width, &scratch->executor, run);
}

absl::Status ServedMatrix::Multiply(const ServedRows& x, TileRun run,
                                    const float* bias, float* out,
                                    ServedScratch* scratch) const {
  const int64_t width = run.count * n();
  if (precision() == Precision::kInt8) {
    RETURN_IF_ERROR(SumsOf(x, run, scratch));
    for (int64_t row = 0; row < x.rows_; ++row) {
      Dequantise(x, row, run, bias, out + row * width, *scratch);
    }
    return absl::OkStatus();
  }
  CAROUSEL_CHECK(x.width_ == k());
  for (int64_t row = 0; row < x.rows_; ++row) {
    std::copy_n(bias, width, out + row * width);
  }
  Executor* executor = &scratch->executor;
  if (precision() == Precision::kF32) {
    return packed_->Multiply(x.rows_, x.f32_, k(), out, width, true, executor,
                             run);
  }
  return packed_->Multiply(x.rows_, x.bf16_.data(), k(), out, width, true,
                           executor, run);
}

void ServedMatrix::Dequantise(const ServedRows& x, int64_t row, TileRun run,
                              const float* bias, float* out,
                              const ServedScratch& scratch) const {
  const int64_t width = run.count * n();
  const int64_t first = run.first * n();
  GetKernels().dequantise(width, scratch.sums.data() + row * width,
                          offsets_.data() + first, x.scale(row),
                          scales_.data() + first, bias, out);
}

absl::Status ServedMatrix::VisitRows(
    const ServedRows& x, TileRun run, const float* bias,
    absl::FunctionRef<void(int64_t row, const float* values)> visit,
    ServedScratch* scratch) const {
  const int64_t width = run.count * n();
  const bool int8 = precision() == Precision::kInt8;
  const auto size = static_cast<size_t>((int8 ? 1 : x.rows_) * width);
  std::vector<float>& values = scratch->values;
  values.resize(std::max(values.size(), size));
  RETURN_IF_ERROR(int8 ? SumsOf(x, run, scratch)
                       : Multiply(x, run, bias, values.data(), scratch));
  for (int64_t row = 0; row < x.rows_; ++row) {
    if (int8) Dequantise(x, row, run, bias, values.data(), *scratch);
    visit(row, values.data() + (int8 ? 0 : row * width));
  }
  return absl::OkStatus();
}

absl::Status MultiplyAddRows(const ServedMatrix& matrix, const float* x,
                             int64_t rows, float* out, ServedRows* activations,
                             ServedScratch* scratch) {
  for (int64_t done = 0; done < rows;) {
    const int64_t now = LargestRowBucket(
        static_cast<int>(std::min<int64_t>(rows - done, kMaxRows)), kMaxRows);
    activations->Set(matrix.precision(), x + done * matrix.k(), now,
                     matrix.k());
    RETURN_IF_ERROR(
        matrix.MultiplyAdd(*activations, out + done * matrix.n(), scratch));
    done += now;
  }
  return absl::OkStatus();
}

size_t ServedMatrix::memory_bytes() const {
  return packed_->memory_bytes() + scales_.size() * sizeof(float) +
         offsets_.size() * sizeof(int32_t);
}

}  // namespace carousel
