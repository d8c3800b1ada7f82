// SPDX-License-Identifier: Apache-2.0
//
// The gradient of a bias: the sums of a matrix's columns.

#ifndef CAROUSEL_MODEL_LAYERS_COLUMN_SUMS_H_
#define CAROUSEL_MODEL_LAYERS_COLUMN_SUMS_H_

#include <cstdint>

namespace carousel {

// sums (columns) += the sum over the rows of `matrix` (rows, columns). Each
// column is summed from top to bottom, whatever the number of OpenMP threads.
void AddColumnSums(const float* matrix, int64_t rows, int64_t columns,
                   float* sums);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_COLUMN_SUMS_H_
