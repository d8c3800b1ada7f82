// SPDX-License-Identifier: Apache-2.0
//
// Neighbouring rows of a constant weight matrix, which are columns of the
// result of a product with it.

#ifndef CAROUSEL_MODEL_LAYERS_PRODUCT_COLUMNS_H_
#define CAROUSEL_MODEL_LAYERS_PRODUCT_COLUMNS_H_

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace carousel {

struct ProductColumns {
  int64_t first = 0;  // in the matrix
  int64_t count = 0;

  // Of the first column on. `bias` (count) is what the product is added to;
  // null: that is what `out` holds.
  const float* bias = nullptr;
  float* out = nullptr;
  int64_t out_stride = 0;  // floats from a row to the next

  // From the last to the first. Of weights that do not fit into the cache the
  // end is still there after a product: where one follows another, every second
  // one finds it so.
  bool backwards = false;
};

// Runs a product in parts, one for each of the OpenMP threads that the caller
// has, or as a whole where so few bytes of weights would not pay for more than
// one. Parts begin at multiples of 64 columns from the first.
void ForEachPart(const ProductColumns& whole, int64_t weight_bytes,
                 absl::FunctionRef<void(const ProductColumns& part)> run);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_PRODUCT_COLUMNS_H_
