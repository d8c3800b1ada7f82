// SPDX-License-Identifier: Apache-2.0
//
// One LSTM layer in training: a forward pass that keeps what the backward pass
// needs, and back-propagation through time beside it. Equations: lstm.h of
// model/onednn; the matrix products are oneDNN's, the gates our own.

#ifndef CAROUSEL_MODEL_LAYERS_LSTM_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_LSTM_GRAD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/onednn/executor.h"
#include "model/onednn/lstm.h"
#include "model/onednn/matmul.h"

namespace carousel {

// Where the gradients of one layer are added to; shapes as LstmWeights.
struct LstmGradients {
  float* weight_ih;
  float* weight_hh;
  float* bias_ih;
  float* bias_hh;
};

// Not thread-safe; computes with the OpenMP threads of the caller.
class LstmTrainingLayer {
 public:
  // For stretches of `steps` (T) steps of `rows` (N) rows.
  static absl::StatusOr<std::unique_ptr<LstmTrainingLayer>> Create(
      int64_t inputs, int64_t hidden, int64_t steps, int64_t rows);

  // Runs forward from `h`, `c` (N, H), which receive the state after the last
  // step. `resets` (T, N): 1 zeroes a row's state before the step. The weights
  // and `x` (T, N, I) must stay as they are until Backward().
  absl::Status Forward(const LstmWeights& weights, const float* x,
                       absl::Span<const uint8_t> resets, float* h, float* c,
                       Executor* executor);

  // h after every step of the last Forward(): (T, N, H).
  const float* y() const { return y_.data(); }

  // Adds the gradients of the weights to `gradients`; `dy` (T, N, H) is
  // dLoss/dy, `dx` (T, N, I) receives dLoss/dx. No gradient comes from beyond
  // the last step nor goes on before the first: that is the truncation.
  absl::Status Backward(const LstmWeights& weights, const float* x,
                        absl::Span<const uint8_t> resets, const float* dy,
                        float* dx, const LstmGradients& gradients,
                        Executor* executor);

 private:
  LstmTrainingLayer(int64_t inputs, int64_t hidden, int64_t steps,
                    int64_t rows);
  void StartStep(int64_t step, const float* h, const float* c,
                 absl::Span<const uint8_t> resets);
  absl::Status AddWeightGradients(const float* x,
                                  const LstmGradients& gradients,
                                  Executor* executor);

  const int64_t inputs_;  // I
  const int64_t hidden_;  // H
  const int64_t steps_;   // T
  const int64_t rows_;    // N

  std::unique_ptr<PackedMatrix> forward_hh_;   // W_hh^T: (H, 4H)
  std::unique_ptr<PackedMatrix> backward_hh_;  // W_hh: (4H, H)

  std::vector<float> gates_;   // (T, N, 4H): activated i, f, g, o
  std::vector<float> h_prev_;  // (T, N, H): h_{t-1}, after resets
  std::vector<float> c_prev_;  // (T, N, H): c_{t-1}, after resets
  std::vector<float> tanh_c_;  // (T, N, H)
  std::vector<float> y_;       // (T, N, H)
  std::vector<float> c_;       // (N, H): c of the step just done
  std::vector<float> dgates_;  // (T, N, 4H)
  std::vector<float> dh_;      // (N, H)
  std::vector<float> dc_;      // (N, H)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_LSTM_GRAD_H_
