// SPDX-License-Identifier: Apache-2.0

#include "model/layers/served_matrix.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/types/span.h"
#include "model/base/buckets.h"
#include "model/base/check.h"
#include "model/base/grow.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// The most rows of one product of MultiplyAddRows.
constexpr int64_t kMaxRows = 64;

// Rows so many floats apart share their places in the first cache, which has
// few of them: a copy of several has a line more between them.
constexpr int64_t kSharedPlaces = 1024, kFewRows = 4, kLine = 16;

}  // namespace

void ServedRows::Prepare(Precision precision, const float* x, int64_t rows,
                         int64_t width, int64_t stride) {
  rows_ = rows;
  width_ = width;
  f32_ = x;
  stride_ = stride;
  if (precision == Precision::kF32 && rows > kFewRows &&
      stride % kSharedPlaces == 0) {
    stride_ = width + kLine;
    float* to = GrowTo(static_cast<size_t>(rows * stride_), &spread_);
    f32_ = to;
    for (int64_t row = 0; row < rows; ++row) {
      std::copy_n(x + row * stride, width, to + row * stride_);
    }
  }
  if (precision == Precision::kBF16) {
    BFloat16* to = GrowTo(static_cast<size_t>(rows * width), &bf16_);
    const auto count = static_cast<size_t>(width);
    for (int64_t row = 0; row < rows; ++row) {
      ToBFloat16({x + row * stride, count}, {to + row * width, count});
    }
  } else if (precision == Precision::kInt8) {
    int8_.Resize(rows, width);
  }
}

void ServedRows::Set(Precision precision, const float* x, int64_t rows,
                     int64_t width, int64_t stride) {
  Prepare(precision, x, rows, width, stride);
  if (precision != Precision::kInt8) return;
  for (int64_t row = 0; row < rows; ++row) int8_.Set(row, x + row * stride);
}

void ServedRows::SetUnit(Precision precision, const float* x, int64_t rows,
                         int64_t width, int64_t stride) {
  Prepare(precision, x, rows, width, stride);
  if (precision != Precision::kInt8) return;
  for (int64_t row = 0; row < rows; ++row) int8_.SetUnit(row, x + row * stride);
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
  auto matrix = absl::WrapUnique(new ServedMatrix(sizes, precision));
  if (precision == Precision::kInt8) {
    matrix->int8_ = matrix->Fill<Int8Matrix>(fill);
  } else if (precision == Precision::kF32 && F32KernelVersion(0) != nullptr) {
    matrix->f32_ = matrix->Fill<F32Matrix>(fill);
  } else {
    RETURN_IF_ERROR(matrix->Pack(fill));
  }
  return matrix;
}

absl::Status ServedMatrix::Pack(
    absl::FunctionRef<void(int64_t, absl::Span<float>)> fill) {
  ASSIGN_OR_RETURN(auto packed,
                   PackedMatrix::Create(k(), n(), precision_, tiles()));
  Executor executor;
  std::vector<float> values(static_cast<size_t>(n() * k()));
  for (int64_t tile = 0; tile < tiles(); ++tile) {
    fill(tile, absl::MakeSpan(values));
    RETURN_IF_ERROR(packed->Pack(
        MatrixView{
            .data = values.data(), .row_stride = k(), .transposed = true},
        &executor, tile));
  }
  packed_ = std::move(packed);
  return absl::OkStatus();
}

template <typename Matrix>
std::unique_ptr<const Matrix> ServedMatrix::Fill(
    absl::FunctionRef<void(int64_t, absl::Span<float>)> fill) const {
  static_assert(kF32Rows % kInt8Rows == 0);
  CAROUSEL_CHECK(tiles() == 1 || n() % kF32Rows == 0);
  auto matrix = std::make_unique<Matrix>(tiles() * n(), k());
  std::vector<float> values(static_cast<size_t>(n() * k()));
  for (int64_t tile = 0; tile < tiles(); ++tile) {
    fill(tile, absl::MakeSpan(values));
    for (int64_t row = 0; row < n(); ++row) {
      matrix->SetRow(tile * n() + row, values.data() + row * k());
    }
  }
  return matrix;
}

int64_t ServedMatrix::longest_run() const {
  return packed_ != nullptr ? packed_->longest_run() : tiles();
}

void ServedMatrix::MultiplyOwn(const ServedRows& x,
                               const ProductColumns& columns) const {
  const int64_t weights = columns.count * k();
  if (int8_ != nullptr) {
    ForEachPart(columns, weights, [&](const ProductColumns& part) {
      int8_->Multiply(x.int8_, x.rows_, part);
    });
  } else {
    ForEachPart(columns, weights * int64_t{sizeof(float)},
                [&](const ProductColumns& part) {
                  f32_->Multiply(x.f32_, x.rows_, x.stride_, part);
                });
  }
}

absl::Status ServedMatrix::AddPacked(const ServedRows& x, TileRun run,
                                     float* out, ServedScratch* scratch) const {
  const int64_t width = run.count * n();
  Executor* executor = &scratch->executor;
  if (precision_ == Precision::kF32) {
    return packed_->Multiply(x.rows_, x.f32_, x.stride_, out, width, true,
                             executor, run);
  }
  return packed_->Multiply(x.rows_, x.bf16_.data(), k(), out, width, true,
                           executor, run);
}

absl::Status ServedMatrix::MultiplyAdd(const ServedRows& x, float* out,
                                       ServedScratch* scratch,
                                       bool backwards) const {
  CAROUSEL_CHECK(x.width_ == k() && tiles() == 1);
  if (packed_ != nullptr) return AddPacked(x, {}, out, scratch);
  MultiplyOwn(
      x, {.count = n(), .out = out, .out_stride = n(), .backwards = backwards});
  return absl::OkStatus();
}

absl::Status ServedMatrix::Multiply(const ServedRows& x, TileRun run,
                                    const float* bias, float* out,
                                    ServedScratch* scratch) const {
  CAROUSEL_CHECK(x.width_ == k());
  const int64_t width = run.count * n();
  if (packed_ == nullptr) {
    MultiplyOwn(x, {.first = run.first * n(),
                    .count = width,
                    .bias = bias,
                    .out = out,
                    .out_stride = width});
    return absl::OkStatus();
  }
  for (int64_t row = 0; row < x.rows_; ++row) {
    std::copy_n(bias, width, out + row * width);
  }
  return AddPacked(x, run, out, scratch);
}

absl::Status ServedMatrix::VisitRows(
    const ServedRows& x, TileRun run, const float* bias,
    absl::FunctionRef<void(int64_t row, const float* values)> visit,
    ServedScratch* scratch) const {
  const int64_t width = run.count * n();
  float* values =
      GrowTo(static_cast<size_t>(x.rows_ * width), &scratch->values);
  RETURN_IF_ERROR(Multiply(x, run, bias, values, scratch));
  for (int64_t row = 0; row < x.rows_; ++row) visit(row, values + row * width);
  return absl::OkStatus();
}

absl::Status MultiplyAddRows(const ServedMatrix& matrix, const float* x,
                             int64_t rows, float* out, ServedRows* activations,
                             ServedScratch* scratch) {
  for (int64_t done = 0; done < rows;) {
    const int64_t now = matrix.RowsTogether(rows - done, kMaxRows);
    activations->Set(matrix.precision(), x + done * matrix.k(), now,
                     matrix.k());
    RETURN_IF_ERROR(
        matrix.MultiplyAdd(*activations, out + done * matrix.n(), scratch));
    done += now;
  }
  return absl::OkStatus();
}

int64_t ServedMatrix::RowsTogether(int64_t rows, int64_t most) const {
  const int64_t all = std::min(rows, most);
  if (!wants_few_shapes()) return all;
  return LargestRowBucket(static_cast<int>(all), static_cast<int>(most));
}

size_t ServedMatrix::memory_bytes() const {
  if (packed_ != nullptr) return packed_->memory_bytes();
  return int8_ != nullptr ? int8_->memory_bytes() : f32_->memory_bytes();
}

std::string ServedMatrix::implementation() const {
  if (packed_ != nullptr) return packed_->implementation();
  return int8_ != nullptr ? int8_->implementation() : f32_->implementation();
}

}  // namespace carousel
