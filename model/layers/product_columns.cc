// SPDX-License-Identifier: Apache-2.0

#include "model/layers/product_columns.h"

#include <omp.h>

#include <algorithm>

namespace carousel {
namespace {

// Threads that wait for each other, and fetch each other's results, take longer
// than half of fewer.
constexpr int64_t kLeastBytes = 1 << 20;

constexpr int64_t kUnit = 64;

ProductColumns PartOf(ProductColumns whole, int64_t begin, int64_t end) {
  whole.first += begin;
  whole.count = end - begin;
  if (whole.bias != nullptr) whole.bias += begin;
  whole.out += begin;
  return whole;
}

}  // namespace

void ForEachPart(const ProductColumns& whole, int64_t weight_bytes,
                 absl::FunctionRef<void(const ProductColumns& part)> run) {
  if (weight_bytes < kLeastBytes || omp_get_max_threads() == 1) {
    return run(whole);
  }
  const int64_t units = (whole.count + kUnit - 1) / kUnit;
#pragma omp parallel
  {
    const int64_t threads = omp_get_num_threads();
    const int64_t thread = omp_get_thread_num();
    const int64_t begin = units * thread / threads * kUnit;
    const int64_t end =
        std::min(units * (thread + 1) / threads * kUnit, whole.count);
    if (begin < end) run(PartOf(whole, begin, end));
  }
}

}  // namespace carousel
