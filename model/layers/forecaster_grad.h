// SPDX-License-Identifier: Apache-2.0
//
// The forecaster in training: the loss over a batch of windows and its
// gradient. Equations and names of the weights: forecaster.h.
//
// Step by step it is trained on the true values (teacher forcing, Williams and
// Zipser 1989): the stack reads x_1 ... x_T and the first K - 1 steps of the
// target, and each of its last K steps must give the next one.

#ifndef CAROUSEL_MODEL_LAYERS_FORECASTER_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_FORECASTER_GRAD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/dropout.h"
#include "model/layers/forecaster.h"
#include "model/layers/recurrent_stack_grad.h"
#include "model/onednn/executor.h"
#include "model/onednn/precision.h"

namespace carousel {

// Of an element, with d = forecast - target.
enum class ForecastLoss {
  kSquared,   // d^2
  kAbsolute,  // |d|; a large mistake pulls no harder than a small one
  kHuber,     // d^2 / 2 up to |d| = delta, then delta (|d| - delta / 2)
};

struct ForecasterTraining {
  StackDropout dropout = {};
  ForecastLoss loss = ForecastLoss::kSquared;
  float huber_delta = 1;
  Precision precision = Precision::kF32;  // of the recurrent layers
};

// Not thread-safe; computes with the OpenMP threads of the caller.
class ForecasterGrad {
 public:
  // For batches of `rows` (N) windows. REQUIRES: WeightSpecs(sizes) is OK;
  // rows >= 1; rates in [0, 1); huber_delta > 0. UNIMPLEMENTED if the CPU has
  // no products in this precision; INTERNAL if oneDNN refuses.
  static absl::StatusOr<std::unique_ptr<ForecasterGrad>> Create(
      const ForecasterSizes& sizes, int rows,
      const ForecasterTraining& training);

  // The sum of the losses of all N * K * C elements: `windows` (N, T, C),
  // `targets` (N, K, C). `weights` are in the order of WeightSpecs(sizes). No
  // dropout.
  absl::StatusOr<double> Loss(absl::Span<const float* const> weights,
                              absl::Span<const float> windows,
                              absl::Span<const float> targets);

  // The same with dropout (masks by `key`, from its site on), and adds the
  // gradient of the sum to `gradients`.
  absl::StatusOr<double> LossAndGradient(absl::Span<const float* const> weights,
                                         absl::Span<const float> windows,
                                         absl::Span<const float> targets,
                                         const DropoutKey& key,
                                         absl::Span<float* const> gradients);

 private:
  ForecasterGrad(const ForecasterSizes& sizes, int rows,
                 const ForecasterTraining& training);

  void Arrange(absl::Span<const float> windows,
               absl::Span<const float> targets);
  absl::Status Forward(absl::Span<const float* const> weights,
                       const DropoutKey* key);
  void TakeFeatures();
  void ReturnFeatures();
  double SumLoss();
  absl::Status Backward(absl::Span<const float* const> weights,
                        absl::Span<float* const> gradients);

  const ForecasterSizes sizes_;
  const ForecasterTraining training_;
  const int64_t rows_;     // N
  const int64_t steps_;    // S: steps of the stack, T or T + K - 1
  const int64_t outputs_;  // K' * C: what the output layer gives a row
  const int64_t cells_;    // rows of the output layer: N or K * N
  Executor executor_;
  std::unique_ptr<RecurrentStackGrad> stack_;
  RecurrentState state_;
  std::vector<uint8_t> resets_;   // (S, N): zeros
  std::vector<float> x_;          // (S, N, C)
  std::vector<float> targets_;    // (cells, outputs)
  std::vector<float> out_;        // the same: forecasts, then dLoss/dforecasts
  std::vector<float> features_;   // (cells, D * H): what the output layer reads
  std::vector<float> dfeatures_;  // the same
  std::vector<float> dy_;         // (S, N, D * H)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_FORECASTER_GRAD_H_
