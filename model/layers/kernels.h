// SPDX-License-Identifier: Apache-2.0
//
// The element-by-element arithmetic of networks, in versions for several
// instruction sets; the best that the CPU has is chosen when first asked for.
// (Matrix products: int8_product.h, f32_product.h, and oneDNN's.)
//
// Every kernel works on plain memory, on the calling thread, and gives the same
// bits for the same arguments. Exponentials are within 2 units in the last
// place; NaN stays NaN.

#ifndef CAROUSEL_MODEL_LAYERS_KERNELS_H_
#define CAROUSEL_MODEL_LAYERS_KERNELS_H_

#include <cstdint>

namespace carousel {

// One row of an LSTM step; all of them have H elements but the gates, 4H.
struct LstmRowForward {
  float* gates;  // in: sums before activation; out: i, f, g, o
  const float* c_prev;
  float* c;
  float* tanh_c;
  float* h;
};

// One row of an LSTM step as it is served: nothing is kept for a backward pass.
struct LstmRowServed {
  const float* sums;  // (4H) before activation
  float* c;           // in: c_{t-1}; out: c_t
  float* h;
};

struct LstmRowBackward {
  const float* gates;  // activated
  const float* c_prev;
  const float* tanh_c;
  const float* dh;  // dLoss/dh_t
  float* dc;        // in: dLoss/dc_t from the step after; out: dLoss/dc_{t-1}
  float* dgates;    // out: dLoss/d(sums before activation)
};

// One row of a GRU step; H elements, or 3H where it says so. Equations:
// model/onednn/cell.h.
struct GruRowForward {
  float* gates;            // (3H) in: W_ih x + b_ih; out: r, z, n
  const float* recurrent;  // (3H) W_hh h_{t-1}
  const float* bias_hh;    // (3H)
  const float* h_prev;
  float* recurrent_n;  // out: W_hn h_{t-1} + b_hn
  float* h;
};

struct GruRowBackward {
  const float* gates;  // (3H) activated
  const float* h_prev;
  const float* recurrent_n;
  float* dh;          // in: dLoss/dh_t; out: its part that reaches h_{t-1} by z
  float* dgates;      // (3H) out: dLoss/d(W_ih x + b_ih)
  float* drecurrent;  // (3H) out: dLoss/d(W_hh h_{t-1} + b_hh)
};

// Constants of one update. `gradient_scale` is the clipping, `l2` what of a
// weight is added to its gradient.
struct SgdStep {
  float learning_rate = 0;
  float gradient_scale = 0;
  float l2 = 0;
  float momentum = 0;  // of sgd_momentum
};

struct AdamStep {
  float learning_rate = 0;
  float beta1 = 0;
  float beta2 = 0;
  float epsilon = 0;
  float weight_decay = 0;  // apart from the gradient (AdamW)
  float l2 = 0;            // in the gradient (Adam)
  float gradient_scale = 0;
  float bias1 = 0;       // 1 - beta1^step
  float bias2_sqrt = 0;  // sqrt(1 - beta2^step)
};

struct HeadKernels;  // head_kernels.h

struct Kernels {
  const char* instruction_set;

  void (*lstm_forward)(int64_t hidden, const LstmRowForward& row);
  // With fewer divisions, each activation within 1e-6.
  void (*lstm_served)(int64_t hidden, const LstmRowServed& row);
  void (*lstm_backward)(int64_t hidden, const LstmRowBackward& row);

  void (*gru_forward)(int64_t hidden, const GruRowForward& row);
  void (*gru_backward)(int64_t hidden, const GruRowBackward& row);

  // h = tanh(sums) or max(0, sums), and dsums from h and dh. Of tanh's, h may
  // be the memory of the sums, and dsums that of dh.
  void (*tanh_forward)(int64_t n, const float* sums, float* h);
  void (*tanh_backward)(int64_t n, const float* h, const float* dh,
                        float* dsums);
  void (*relu_forward)(int64_t n, const float* sums, float* h);
  void (*relu_backward)(int64_t n, const float* h, const float* dh,
                        float* dsums);

  // Softmax cross-entropy of a row of n logits, to which `bias` (n) is added.
  // Returns -log softmax(logits)[target]. The logits become the gradient
  // scale * (softmax - onehot(target)).
  float (*softmax_cross_entropy)(int64_t n, float* logits, const float* bias,
                                 int32_t target, float scale);

  // y += x; y *= x.
  void (*add)(int64_t n, const float* x, float* y);
  void (*multiply)(int64_t n, const float* x, float* y);

  // y = the bits of the bfloat16 nearest to x, ties to even; NaN stays NaN.
  void (*to_bf16)(int64_t n, const float* x, uint16_t* y);

  // y = the bfloat16 of bits x.
  void (*from_bf16)(int64_t n, const uint16_t* x, float* y);

  // The largest |x|; 0 of none. NaN does not count.
  float (*largest_magnitude)(int64_t n, const float* x);

  // q = 128 + x * inverse, rounded, in [1, 255]; NaN becomes 1.
  void (*quantise)(int64_t n, float inverse, const float* x, uint8_t* q);

  double (*sum_of_squares)(int64_t n, const float* x);

  // x *= scale, then into [-bound, bound].
  void (*scale_and_clamp)(int64_t n, float scale, float bound, float* x);

  // y += share * (x - y).
  void (*average)(int64_t n, float share, const float* x, float* y);

  // The updates of the optimisers (train/optimiser.h).
  void (*sgd)(int64_t n, const SgdStep& step, const float* gradient,
              float* weights);
  void (*sgd_momentum)(int64_t n, const SgdStep& step, const float* gradient,
                       float* velocity, float* weights);
  void (*adam)(int64_t n, const AdamStep& step, const float* gradient,
               float* first_moment, float* second_moment, float* weights);

  const HeadKernels* heads;
};

// The kernels for this CPU. Thread-safe.
const Kernels& GetKernels();

// Version `index` among those that this CPU can run, the best first; null after
// the last. For tests.
const Kernels* SupportedKernels(int index);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_KERNELS_H_
