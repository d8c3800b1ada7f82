// SPDX-License-Identifier: Apache-2.0
//
// Compiled once for each instruction set, as kernels_impl.cc is;
// CAROUSEL_HEAD_KERNELS names the table.

#include "model/layers/head_kernels.h"
#include "model/layers/kernel_math.h"

namespace carousel {
namespace {

float Dot(int64_t n, const float* x, const float* y) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t k = 0; k < n; ++k) sum += x[k] * y[k];
  return sum;
}

void AddScaled(int64_t n, float a, const float* __restrict x,
               float* __restrict y) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) y[k] += a * x[k];
}

void Softmax(int64_t n, float* x) {
  float max = x[0];
#pragma omp simd reduction(max : max)
  for (int64_t k = 0; k < n; ++k) max = Max(max, x[k]);
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t k = 0; k < n; ++k) {
    x[k] = Exp(x[k] - max);
    sum += x[k];
  }
  const float factor = 1.0f / sum;
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) x[k] *= factor;
}

void LogSoftmax(int64_t n, float* x) {
  float max = x[0];
#pragma omp simd reduction(max : max)
  for (int64_t k = 0; k < n; ++k) max = Max(max, x[k]);
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t k = 0; k < n; ++k) sum += Exp(x[k] - max);
  const float shift = max + __builtin_logf(sum);
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) x[k] -= shift;
}

// With s_k = logit_k - max, -q . log p is
//   log(sum of exp(s)) - (1 - smoothing) s_target - smoothing / n * sum of s
float SmoothedCrossEntropy(int64_t n, float* __restrict logits,
                           const float* __restrict bias, int32_t target,
                           float smoothing) {
  float max = logits[0] + bias[0];
#pragma omp simd reduction(max : max)
  for (int64_t k = 0; k < n; ++k) {
    logits[k] += bias[k];
    max = Max(max, logits[k]);
  }
  const float shifted_target = logits[target] - max;
  float sum = 0;
  float sum_of_shifted = 0;
#pragma omp simd reduction(+ : sum, sum_of_shifted)
  for (int64_t k = 0; k < n; ++k) {
    const float shifted = logits[k] - max;
    logits[k] = Exp(shifted);
    sum += logits[k];
    sum_of_shifted += shifted;
  }
  const float share = smoothing / static_cast<float>(n);
  const float factor = 1.0f / sum;
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) logits[k] = logits[k] * factor - share;
  logits[target] -= 1.0f - smoothing;
  return __builtin_logf(sum) - (1.0f - smoothing) * shifted_target -
         share * sum_of_shifted;
}

void SoftmaxBackward(int64_t n, const float* __restrict p,
                     float* __restrict dp) {
  const float mean = Dot(n, p, dp);
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) dp[k] = p[k] * (dp[k] - mean);
}

float ScoreAdditively(int64_t n, const AdditiveScore& score) {
  const float* v = score.v;
  const float* key = score.key;
  const float* query = score.query;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t k = 0; k < n; ++k) sum += v[k] * Tanh(key[k] + query[k]);
  return sum;
}

// t = tanh(key + query):  dv += dscore t;  d(key + query) = dscore v (1 - t^2).
void ScoreAdditivelyBackward(int64_t n, float dscore,
                             const AdditiveScore& score,
                             const AdditiveScoreGradients& gradients) {
  const float* __restrict v = score.v;
  const float* __restrict key = score.key;
  const float* __restrict query = score.query;
  float* __restrict dv = gradients.v;
  float* __restrict dkey = gradients.key;
  float* __restrict dquery = gradients.query;
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) {
    const float t = Tanh(key[k] + query[k]);
    const float dsum = dscore * v[k] * (1.0f - t * t);
    dv[k] += dscore * t;
    dkey[k] += dsum;
    dquery[k] += dsum;
  }
}

void Maximum(int64_t n, int32_t step, const float* __restrict x,
             float* __restrict max, int32_t* __restrict places) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) {
    const bool larger = x[k] > max[k];
    max[k] = larger ? x[k] : max[k];
    places[k] = larger ? step : places[k];
  }
}

void MaximumAndSum(int64_t n, const float* __restrict x, float* __restrict max,
                   float* __restrict sum) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) {
    max[k] = x[k] > max[k] ? x[k] : max[k];
    sum[k] += x[k];
  }
}

}  // namespace

extern const HeadKernels CAROUSEL_HEAD_KERNELS;
const HeadKernels CAROUSEL_HEAD_KERNELS = {
    .dot = Dot,
    .add_scaled = AddScaled,
    .softmax = Softmax,
    .log_softmax = LogSoftmax,
    .smoothed_cross_entropy = SmoothedCrossEntropy,
    .softmax_backward = SoftmaxBackward,
    .additive_score = ScoreAdditively,
    .additive_score_backward = ScoreAdditivelyBackward,
    .maximum = Maximum,
    .maximum_and_sum = MaximumAndSum,
};

}  // namespace carousel
