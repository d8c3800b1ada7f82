// SPDX-License-Identifier: Apache-2.0
//
// One LSTM layer, forward, in f32, through oneDNN's recurrent primitive.
//
//   i_t = sigmoid(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)      input gate
//   f_t = sigmoid(W_if x_t + b_if + W_hf h_{t-1} + b_hf)      forget gate
//   g_t = tanh   (W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)      candidate
//   o_t = sigmoid(W_io x_t + b_io + W_ho h_{t-1} + b_ho)      output gate
//   c_t = f_t c_{t-1} + i_t g_t        (Hochreiter and Schmidhuber 1997;
//   h_t = o_t tanh(c_t)                 forget gate: Gers et al. 2000)
//
// Shapes are T (time), N (batch), I (inputs), H (hidden), row-major.

#ifndef CAROUSEL_MODEL_ONEDNN_LSTM_H_
#define CAROUSEL_MODEL_ONEDNN_LSTM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/onednn/executor.h"

namespace carousel {

// PyTorch's tensors of one layer and direction; gates i, f, g, o.
struct LstmWeights {
  absl::Span<const float> weight_ih;  // (4H, I)
  absl::Span<const float> weight_hh;  // (4H, H)
  absl::Span<const float> bias_ih;    // (4H)
  absl::Span<const float> bias_hh;    // (4H)
};

// Immutable, so thread-safe: each thread brings its own Executor.
class LstmLayer {
 public:
  // Copies the weights into the layout of the kernel that will run.
  // REQUIRES: sizes as above. INTERNAL if oneDNN has no such kernel.
  static absl::StatusOr<std::unique_ptr<const LstmLayer>> Create(
      int64_t inputs, int64_t hidden, const LstmWeights& weights);
  ~LstmLayer();

  // The memory of one call. `h_in` and `h_out`, `c_in` and `c_out` may be the
  // same memory; `y` is apart from all of them.
  struct Call {
    int64_t steps = 0;            // T
    int64_t rows = 0;             // N
    const float* x = nullptr;     // (T, N, I)
    const float* h_in = nullptr;  // (N, H)
    const float* c_in = nullptr;  // (N, H)
    float* y = nullptr;           // (T, N, H): h after each step
    float* h_out = nullptr;       // (N, H)
    float* c_out = nullptr;       // (N, H)
  };
  absl::Status Forward(const Call& call, Executor* executor) const;

  int64_t inputs() const { return inputs_; }
  int64_t hidden() const { return hidden_; }
  size_t memory_bytes() const;

  // oneDNN's name of the kernel that runs, e.g. "brgemm:avx512_core".
  const std::string& implementation() const { return implementation_; }

 private:
  struct Rep;
  LstmLayer(int64_t inputs, int64_t hidden, std::unique_ptr<Rep> rep);
  const int64_t inputs_;
  const int64_t hidden_;
  std::string implementation_;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_ONEDNN_LSTM_H_
