// SPDX-License-Identifier: Apache-2.0
//
// The element-by-element arithmetic of attention and pooling, forward and
// backward; reached through GetKernels().heads. What kernels.h says of its
// kernels holds for these.

#ifndef CAROUSEL_MODEL_LAYERS_HEAD_KERNELS_H_
#define CAROUSEL_MODEL_LAYERS_HEAD_KERNELS_H_

#include <cstdint>

#include "model/layers/kernels.h"

namespace carousel {

// One additive score, v . tanh(key + query); all have A elements.
struct AdditiveScore {
  const float* v;
  const float* key;
  const float* query;
};

// Where its gradients are added to.
struct AdditiveScoreGradients {
  float* v;
  float* key;
  float* query;
};

struct HeadKernels {
  // The sum of x y.
  float (*dot)(int64_t n, const float* x, const float* y);

  // y += a x.
  void (*add_scaled)(int64_t n, float a, const float* x, float* y);

  // x becomes softmax(x). REQUIRES: n >= 1.
  void (*softmax)(int64_t n, float* x);

  // x becomes log softmax(x). REQUIRES: n >= 1.
  void (*log_softmax)(int64_t n, float* x);

  // Softmax cross-entropy of a row of n logits, to which `bias` (n) is added,
  // against the target distribution
  //   q = (1 - smoothing) onehot(target) + smoothing / n
  // (label smoothing: Szegedy et al. 2016, section 7). Returns -q . log p for
  // p = softmax(logits). The logits become the gradient p - q.
  float (*smoothed_cross_entropy)(int64_t n, float* logits, const float* bias,
                                  int32_t target, float smoothing);

  // dp, the gradient of p = softmax(x), becomes that of x: p (dp - p . dp).
  void (*softmax_backward)(int64_t n, const float* p, float* dp);

  float (*additive_score)(int64_t n, const AdditiveScore& score);

  // Adds the gradients of `dscore` times the score.
  void (*additive_score_backward)(int64_t n, float dscore,
                                  const AdditiveScore& score,
                                  const AdditiveScoreGradients& gradients);

  // max = max(max, x); where x is larger, its place is `step`.
  void (*maximum)(int64_t n, int32_t step, const float* x, float* max,
                  int32_t* places);

  // max = max(max, x), and sum += x.
  void (*maximum_and_sum)(int64_t n, const float* x, float* max, float* sum);
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_HEAD_KERNELS_H_
