// SPDX-License-Identifier: Apache-2.0
//
// Compiled once for each instruction set, with CAROUSEL_KERNELS naming the
// table that it defines. Inline functions of the headers that it includes are
// private to each file, or inlined always: another's, compiled here for
// AVX-512, could be the copy that the linker keeps for everybody.
//
// Loops are written so that the compiler turns them into vector code.

#include "model/layers/kernel_math.h"
#include "model/layers/kernels.h"
#ifdef __AVX512F__
#include "model/layers/lstm_served_avx512.h"
#endif

namespace carousel {
namespace {

// Equations: model/onednn/cell.h.
void LstmForward(int64_t hidden, const LstmRowForward& row) {
  float* __restrict i = row.gates;
  float* __restrict f = row.gates + hidden;
  float* __restrict g = row.gates + 2 * hidden;
  float* __restrict o = row.gates + 3 * hidden;
  const float* __restrict c_prev = row.c_prev;
  float* __restrict c = row.c;
  float* __restrict tanh_c = row.tanh_c;
  float* __restrict h = row.h;
#pragma omp simd
  for (int64_t k = 0; k < hidden; ++k) {
    i[k] = Sigmoid(i[k]);
    f[k] = Sigmoid(f[k]);
    g[k] = Tanh(g[k]);
    o[k] = Sigmoid(o[k]);
    c[k] = f[k] * c_prev[k] + i[k] * g[k];
    tanh_c[k] = Tanh(c[k]);
    h[k] = o[k] * tanh_c[k];
  }
}

// Equations: model/onednn/cell.h; with e_x = e^-x,
//   i g       = (1 - e_2g) / ((1 + e_i) (1 + e_2g))
//   o tanh(c) = (1 - e_2c) / ((1 + e_o) (1 + e_2c))
// Where tanh is 1 or -1 its exponential is bounded, so that a denominator
// becomes infinite only where the gate is 0; nothing becomes NaN that was none.
inline void LstmServedRow(int64_t hidden, const LstmRowServed& row) {
  const float* __restrict sums = row.sums;
  float* __restrict c = row.c;
  float* __restrict h = row.h;
#pragma omp simd
  for (int64_t k = 0; k < hidden; ++k) {
    const float e_i = ShortExp(-sums[k]);
    const float e_f = ShortExp(-sums[hidden + k]);
    const float e_g =
        ShortExp(Clamp(-2.0f * sums[2 * hidden + k], -60.0f, 60.0f));
    const float e_o = ShortExp(-sums[3 * hidden + k]);
    const float input = (1.0f - e_g) / ((1.0f + e_i) * (1.0f + e_g));
    const float next = c[k] / (1.0f + e_f) + input;
    const float e_c = ShortExp(Clamp(-2.0f * next, -60.0f, 60.0f));
    c[k] = next;
    h[k] = (1.0f - e_c) / ((1.0f + e_o) * (1.0f + e_c));
  }
}

void LstmServed(int64_t hidden, const LstmRowServed& row) {
#ifdef __AVX512F__
  LstmServedAvx512(hidden, row);
#else
  LstmServedRow(hidden, row);
#endif
}

//   do = dh tanh(c)         dc += dh o (1 - tanh(c)^2)
//   df = dc c_{t-1}         di = dc g         dg = dc i
// and through the activations: s' = s (1 - s), tanh' = 1 - tanh^2.
void LstmBackward(int64_t hidden, const LstmRowBackward& row) {
  const float* __restrict i = row.gates;
  const float* __restrict f = row.gates + hidden;
  const float* __restrict g = row.gates + 2 * hidden;
  const float* __restrict o = row.gates + 3 * hidden;
  const float* __restrict c_prev = row.c_prev;
  const float* __restrict tanh_c = row.tanh_c;
  const float* __restrict dh = row.dh;
  float* __restrict dc_row = row.dc;
  float* __restrict di = row.dgates;
  float* __restrict df = row.dgates + hidden;
  float* __restrict dg = row.dgates + 2 * hidden;
  float* __restrict d_o = row.dgates + 3 * hidden;
#pragma omp simd
  for (int64_t k = 0; k < hidden; ++k) {
    const float dc = dc_row[k] + dh[k] * o[k] * (1.0f - tanh_c[k] * tanh_c[k]);
    di[k] = dc * g[k] * i[k] * (1.0f - i[k]);
    df[k] = dc * c_prev[k] * f[k] * (1.0f - f[k]);
    dg[k] = dc * i[k] * (1.0f - g[k] * g[k]);
    d_o[k] = dh[k] * tanh_c[k] * o[k] * (1.0f - o[k]);
    dc_row[k] = dc * f[k];
  }
}

void GruForward(int64_t hidden, const GruRowForward& row) {
  float* __restrict r = row.gates;
  float* __restrict z = row.gates + hidden;
  float* __restrict n = row.gates + 2 * hidden;
  const float* __restrict hr = row.recurrent;
  const float* __restrict hz = row.recurrent + hidden;
  const float* __restrict hn = row.recurrent + 2 * hidden;
  const float* __restrict bias_r = row.bias_hh;
  const float* __restrict bias_z = row.bias_hh + hidden;
  const float* __restrict bias_n = row.bias_hh + 2 * hidden;
  const float* __restrict h_prev = row.h_prev;
  float* __restrict recurrent_n = row.recurrent_n;
  float* __restrict h = row.h;
#pragma omp simd
  for (int64_t k = 0; k < hidden; ++k) {
    r[k] = Sigmoid(r[k] + hr[k] + bias_r[k]);
    z[k] = Sigmoid(z[k] + hz[k] + bias_z[k]);
    recurrent_n[k] = hn[k] + bias_n[k];
    n[k] = Tanh(n[k] + r[k] * recurrent_n[k]);
    h[k] = n[k] + z[k] * (h_prev[k] - n[k]);
  }
}

//   dn = dh (1 - z)      dz = dh (h_{t-1} - n)
//   dr = d(sum of n) (W_hn h_{t-1} + b_hn)
void GruBackward(int64_t hidden, const GruRowBackward& row) {
  const float* __restrict r = row.gates;
  const float* __restrict z = row.gates + hidden;
  const float* __restrict n = row.gates + 2 * hidden;
  const float* __restrict h_prev = row.h_prev;
  const float* __restrict recurrent_n = row.recurrent_n;
  float* __restrict dh = row.dh;
  float* __restrict dr = row.dgates;
  float* __restrict dz = row.dgates + hidden;
  float* __restrict dn = row.dgates + 2 * hidden;
  float* __restrict dhr = row.drecurrent;
  float* __restrict dhz = row.drecurrent + hidden;
  float* __restrict dhn = row.drecurrent + 2 * hidden;
#pragma omp simd
  for (int64_t k = 0; k < hidden; ++k) {
    const float sum_n = dh[k] * (1.0f - z[k]) * (1.0f - n[k] * n[k]);
    const float sum_z = dh[k] * (h_prev[k] - n[k]) * z[k] * (1.0f - z[k]);
    const float sum_r = sum_n * recurrent_n[k] * r[k] * (1.0f - r[k]);
    dr[k] = sum_r;
    dz[k] = sum_z;
    dn[k] = sum_n;
    dhr[k] = sum_r;
    dhz[k] = sum_z;
    dhn[k] = sum_n * r[k];
    dh[k] *= z[k];
  }
}

void TanhForward(int64_t n, const float* sums, float* h) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) h[k] = Tanh(sums[k]);
}

void TanhBackward(int64_t n, const float* __restrict h, const float* dh,
                  float* dsums) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) dsums[k] = dh[k] * (1.0f - h[k] * h[k]);
}

// NaN compares false, so it passes through.
void ReluForward(int64_t n, const float* __restrict sums, float* __restrict h) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) h[k] = sums[k] < 0.0f ? 0.0f : sums[k];
}

void ReluBackward(int64_t n, const float* __restrict h,
                  const float* __restrict dh, float* __restrict dsums) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) dsums[k] = h[k] > 0.0f ? dh[k] : 0.0f;
}

float SoftmaxCrossEntropy(int64_t n, float* __restrict logits,
                          const float* __restrict bias, int32_t target,
                          float scale) {
  float max = logits[0] + bias[0];
#pragma omp simd reduction(max : max)
  for (int64_t k = 0; k < n; ++k) {
    logits[k] += bias[k];
    max = Max(max, logits[k]);
  }
  const float shifted_target = logits[target] - max;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t k = 0; k < n; ++k) {
    logits[k] = Exp(logits[k] - max);
    sum += logits[k];
  }
  const float factor = scale / sum;
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) logits[k] *= factor;
  logits[target] -= scale;
  return __builtin_logf(sum) - shifted_target;
}

void Add(int64_t n, const float* __restrict x, float* __restrict y) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) y[k] += x[k];
}

void Multiply(int64_t n, const float* __restrict x, float* __restrict y) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) y[k] *= x[k];
}

void ToBF16(int64_t n, const float* __restrict x, uint16_t* __restrict y) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) {
    const uint32_t bits = __builtin_bit_cast(uint32_t, x[k]);
    const uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
    // A NaN whose lower bits are cut off could be an infinity: made quiet.
    const uint32_t safe =
        (bits & 0x7fffffffu) > 0x7f800000u ? bits | 0x400000u : rounded;
    y[k] = static_cast<uint16_t>(safe >> 16);
  }
}

void FromBF16(int64_t n, const uint16_t* __restrict x, float* __restrict y) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) {
    y[k] = __builtin_bit_cast(float, static_cast<uint32_t>(x[k]) << 16);
  }
}

float LargestMagnitude(int64_t n, const float* x) {
  float max = 0;
#pragma omp simd reduction(max : max)
  for (int64_t k = 0; k < n; ++k) max = Max(__builtin_fabsf(x[k]), max);
  return max;
}

void Quantise(int64_t n, float inverse, const float* __restrict x,
              uint8_t* __restrict q) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) {
    // Half a unit on top of it: cutting off then rounds.
    const float shifted = x[k] * inverse + 128.5f;
    const float low = shifted > 1.0f ? shifted : 1.0f;
    q[k] =
        static_cast<uint8_t>(static_cast<int32_t>(low < 255.0f ? low : 255.0f));
  }
}

double SumOfSquares(int64_t n, const float* x) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t k = 0; k < n; ++k) {
    sum += static_cast<double>(x[k]) * static_cast<double>(x[k]);
  }
  return sum;
}

void ScaleAndClamp(int64_t n, float scale, float bound, float* __restrict x) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) {
    const float scaled = scale * x[k];
    const float below = scaled < bound ? scaled : bound;
    x[k] = below > -bound ? below : -bound;
  }
}

void Average(int64_t n, float share, const float* __restrict x,
             float* __restrict y) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) y[k] += share * (x[k] - y[k]);
}

void Sgd(int64_t n, const SgdStep& step, const float* __restrict gradient,
         float* __restrict weights) {
  const float rate = step.learning_rate * step.gradient_scale;
  const float keep = 1.0f - step.learning_rate * step.l2;
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) {
    weights[k] = keep * weights[k] - rate * gradient[k];
  }
}

void SgdMomentum(int64_t n, const SgdStep& step,
                 const float* __restrict gradient, float* __restrict velocity,
                 float* __restrict weights) {
  const SgdStep s = step;
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) {
    const float g = s.gradient_scale * gradient[k] + s.l2 * weights[k];
    velocity[k] = s.momentum * velocity[k] + g;
    weights[k] -= s.learning_rate * velocity[k];
  }
}

// Kingma and Ba 2015; with weight_decay Loshchilov and Hutter 2019, algorithm
// 2; with PyTorch's placing of epsilon.
void Adam(int64_t n, const AdamStep& step, const float* __restrict gradient,
          float* __restrict first, float* __restrict second,
          float* __restrict weights) {
  const AdamStep s = step;
  const float rate = s.learning_rate / s.bias1;
  const float keep = 1.0f - s.learning_rate * s.weight_decay;
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) {
    const float g = gradient[k] * s.gradient_scale + s.l2 * weights[k];
    first[k] = s.beta1 * first[k] + (1.0f - s.beta1) * g;
    second[k] = s.beta2 * second[k] + (1.0f - s.beta2) * g * g;
    const float root = __builtin_sqrtf(second[k]) / s.bias2_sqrt + s.epsilon;
    weights[k] = keep * weights[k] - rate * first[k] / root;
  }
}

}  // namespace

extern const HeadKernels CAROUSEL_HEAD_KERNELS;
extern const Kernels CAROUSEL_KERNELS;
const Kernels CAROUSEL_KERNELS = {
    .instruction_set = CAROUSEL_KERNELS_NAME,
    .lstm_forward = LstmForward,
    .lstm_served = LstmServed,
    .lstm_backward = LstmBackward,
    .gru_forward = GruForward,
    .gru_backward = GruBackward,
    .tanh_forward = TanhForward,
    .tanh_backward = TanhBackward,
    .relu_forward = ReluForward,
    .relu_backward = ReluBackward,
    .softmax_cross_entropy = SoftmaxCrossEntropy,
    .add = Add,
    .multiply = Multiply,
    .to_bf16 = ToBF16,
    .from_bf16 = FromBF16,
    .largest_magnitude = LargestMagnitude,
    .quantise = Quantise,
    .sum_of_squares = SumOfSquares,
    .scale_and_clamp = ScaleAndClamp,
    .average = Average,
    .sgd = Sgd,
    .sgd_momentum = SgdMomentum,
    .adam = Adam,
    .heads = &CAROUSEL_HEAD_KERNELS,
};

}  // namespace carousel
