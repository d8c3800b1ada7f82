// SPDX-License-Identifier: Apache-2.0

#include "model/layers/served_matrix.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/types/span.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/buckets.h"
#include "model/layers/kernels.h"

namespace carousel {
namespace {

constexpr float kUnitScale = 1.0f / 127;

// The most rows of one product of MultiplyAddRows.
constexpr int kMaxRows = 64;

}  // namespace

void ServedRows::Prepare(Precision precision, const float* x, int64_t rows,
                         int64_t width) {
  rows_ = rows;
  width_ = width;
  f32_ = x;
  const auto size = static_cast<size_t>(rows * width);
  if (precision == Precision::kBF16) {
    bf16_.resize(size);
    ToBFloat16({x, size}, absl::MakeSpan(bf16_));
  } else if (precision == Precision::kInt8) {
    int8_.resize(size);
    scales_.resize(static_cast<size_t>(rows));
  }
}

void ServedRows::Set(Precision precision, const float* x, int64_t rows,
                     int64_t width) {
  Prepare(precision, x, rows, width);
  if (precision != Precision::kInt8) return;
  const Kernels& kernels = GetKernels();
  for (int64_t row = 0; row < rows; ++row) {
    const float* values = x + row * width;
    const float scale = kernels.largest_magnitude(width, values) * kUnitScale;
    scales_[static_cast<size_t>(row)] = scale;
    kernels.quantise(width, scale > 0 ? 1 / scale : 0, values,
                     int8_.data() + row * width);
  }
}

void ServedRows::SetUnit(Precision precision, const float* x, int64_t rows,
                         int64_t width) {
  Prepare(precision, x, rows, width);
  if (precision != Precision::kInt8) return;
  scales_.assign(scales_.size(), kUnitScale);
  GetKernels().quantise(rows * width, 127.0f, x, int8_.data());
}

absl::StatusOr<std::unique_ptr<const ServedMatrix>> ServedMatrix::Create(
    const Tensor& weight, Precision precision) {
  const int64_t n = weight.dim(0);
  const int64_t k = weight.dim(1);
  const Tensor plain = weight.ToF32();
  auto matrix = absl::WrapUnique(new ServedMatrix);
  ASSIGN_OR_RETURN(auto packed, PackedMatrix::Create(k, n, precision));
  Executor executor;
  if (precision == Precision::kInt8) {
    RETURN_IF_ERROR(matrix->PackInt8(plain, packed.get(), &executor));
  } else {
    RETURN_IF_ERROR(packed->Pack(
        MatrixView{
            .data = plain.data<float>(), .row_stride = k, .transposed = true},
        &executor));
  }
  matrix->packed_ = std::move(packed);
  return matrix;
}

// A weight is quantised as an activation is, less the 128.
absl::Status ServedMatrix::PackInt8(const Tensor& weight, PackedMatrix* packed,
                                    Executor* executor) {
  const int64_t n = weight.dim(0);
  const int64_t k = weight.dim(1);
  ServedRows rows;
  rows.Set(Precision::kInt8, weight.data<float>(), n, k);
  std::vector<int8_t> values;
  values.reserve(rows.int8_.size());
  for (uint8_t q : rows.int8_) values.push_back(static_cast<int8_t>(q - 128));
  scales_ = std::move(rows.scales_);
  for (int64_t row = 0; row < n; ++row) {
    int32_t sum = 0;
    for (int64_t p = 0; p < k; ++p) {
      sum += values[static_cast<size_t>(row * k + p)];
    }
    offsets_.push_back(128 * sum);
  }
  return packed->Pack(
      MatrixViewInt8{
          .data = values.data(), .row_stride = k, .transposed = true},
      executor);
}

absl::Status ServedMatrix::MultiplyAdd(const ServedRows& x, float* out,
                                       ServedScratch* scratch) const {
  CAROUSEL_CHECK(x.width_ == k());
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
  scratch->sums.resize(static_cast<size_t>(x.rows_ * n()));
  RETURN_IF_ERROR(packed_->Multiply(x.rows_, x.int8_.data(), k(),
                                    scratch->sums.data(), n(), executor));
  const Kernels& kernels = GetKernels();
  for (int64_t row = 0; row < x.rows_; ++row) {
    kernels.add_dequantised(
        n(), scratch->sums.data() + row * n(), offsets_.data(),
        x.scales_[static_cast<size_t>(row)], scales_.data(), out + row * n());
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
