// SPDX-License-Identifier: Apache-2.0
//
// In what the large matrix products are computed; which ones those are,
// model/layers/README.md says.

#ifndef CAROUSEL_MODEL_ONEDNN_PRECISION_H_
#define CAROUSEL_MODEL_ONEDNN_PRECISION_H_

namespace carousel {

// kBF16: factors are rounded to bfloat16, sums are f32; weights, gradients and
// everything between the products stay f32.
// kInt8, in serving only: weights are signed, activations unsigned integers of
// 8 bits, sums are exact (int32); everything between the products stays f32.
enum class Precision { kF32, kBF16, kInt8 };

}  // namespace carousel

#endif  // CAROUSEL_MODEL_ONEDNN_PRECISION_H_
