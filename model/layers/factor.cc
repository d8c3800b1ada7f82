// SPDX-License-Identifier: Apache-2.0

#include "model/layers/factor.h"

#include <algorithm>

#include "model/base/check.h"
#include "model/layers/kernels.h"

namespace carousel {
namespace {

template <typename T>
BasicMatmulArgs<T> ToMatmulArgs(const ProductArgs& args, const T* a,
                                const T* b) {
  return {.m = args.m,
          .n = args.n,
          .k = args.k,
          .a = {.data = a + args.a.offset,
                .row_stride = args.a.row_stride,
                .transposed = args.a.transposed},
          .b = {.data = b + args.b.offset,
                .row_stride = args.b.row_stride,
                .transposed = args.b.transposed},
          .bias = args.bias,
          .c = args.c,
          .c_row_stride = args.c_row_stride,
          .accumulate = args.accumulate};
}

}  // namespace

void Factor::Set(int64_t n, const float* values) {
  values_ = values;
  if (!bf16()) return;
  constexpr int64_t kBlock = 1 << 14;
  BFloat16* rounded = SetRounded(n);
  const Kernels& kernels = GetKernels();
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    kernels.to_bf16(std::min(kBlock, n - begin), values + begin,
                    &rounded[begin].bits);
  }
}

BFloat16* Factor::SetRounded(int64_t n) {
  CAROUSEL_CHECK(bf16());
  if (static_cast<int64_t>(rounded_.size()) < n) {
    rounded_.resize(static_cast<size_t>(n));
  }
  return rounded_.data();
}

absl::Status Multiply(const ProductArgs& args, Executor* executor) {
  const Factor& a = *args.a.factor;
  const Factor& b = *args.b.factor;
  CAROUSEL_CHECK(a.bf16() == b.bf16());
  if (a.bf16()) {
    return MatmulBF16(ToMatmulArgs(args, a.rounded(), b.rounded()), executor);
  }
  return Matmul(ToMatmulArgs(args, a.values(), b.values()), executor);
}

}  // namespace carousel
