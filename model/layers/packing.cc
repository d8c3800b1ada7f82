// SPDX-License-Identifier: Apache-2.0

#include "model/layers/packing.h"

#include <algorithm>
#include <utility>

#include "model/base/buckets.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// The most rows of one product; more are done in turn.
constexpr int kMaxRows = 64;

}  // namespace

absl::StatusOr<std::unique_ptr<const PackedMatrix>> PackTransposed(
    const Tensor& weight) {
  const Tensor plain = weight.ToF32();
  ASSIGN_OR_RETURN(auto packed,
                   PackedMatrix::Create(weight.dim(1), weight.dim(0)));
  Executor executor;
  RETURN_IF_ERROR(packed->Pack({.data = plain.data<float>(),
                                .row_stride = weight.dim(1),
                                .transposed = true},
                               &executor));
  return packed;
}

std::vector<float> ToVector(const Tensor& weight) {
  const Tensor plain = weight.ToF32();
  return {plain.span<float>().begin(), plain.span<float>().end()};
}

absl::Status MultiplyRows(const PackedMatrix& matrix, const float* in,
                          int64_t rows, float* out, Executor* executor) {
  for (int64_t done = 0; done < rows;) {
    const int now = LargestBucket(
        static_cast<int>(std::min<int64_t>(rows - done, kMaxRows)), kMaxRows);
    RETURN_IF_ERROR(matrix.Multiply(now, in + done * matrix.k(), matrix.k(),
                                    out + done * matrix.n(), matrix.n(), false,
                                    executor));
    done += now;
  }
  return absl::OkStatus();
}

}  // namespace carousel
