// SPDX-License-Identifier: Apache-2.0
//
// The smallest network that an experiment can ask something: one recurrent
// layer, and a linear layer that reads its h wherever a target is given.
//
//   h_t = cell(x_t, h_{t-1})          prediction = W h_t + b
//
// The loss of a target is (prediction - value)^2, or with several outputs the
// negative logarithm of softmax(prediction)[label].

#ifndef CAROUSEL_MODEL_TRAIN_DIAGNOSE_PROBE_NETWORK_H_
#define CAROUSEL_MODEL_TRAIN_DIAGNOSE_PROBE_NETWORK_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/base/random.h"
#include "model/layers/recurrent_grad.h"
#include "model/layers/weight_specs.h"
#include "model/onednn/cell.h"
#include "model/onednn/executor.h"
#include "model/train/trainer.h"

namespace carousel {

struct ProbeSizes {
  Cell cell = Cell::kLstm;
  int inputs = 1;   // I
  int hidden = 64;  // H
  int outputs = 1;  // O; 1: the squared error, else softmax
  int steps = 1;    // T
  int rows = 1;     // N

  // Bounds of the uniform initial matrices; 0: 1 / sqrt(H). A ReLU cell's
  // recurrent matrix is the identity. The bias of a single output begins at 1.
  float input_bound = 0;
  float recurrent_bound = 0;
  float output_bound = 0;

  // LSTM and GRU: the gates begin so that each unit remembers over a random
  // number of steps up to this (Tallec and Ollivier 2018); 0: as the cell
  // begins.
  int memory = 0;
};

struct ProbeTarget {
  int32_t cell = 0;   // t * N + n
  int32_t label = 0;  // O > 1
  float value = 0;    // O = 1
};

struct ProbeBatch {
  std::vector<float> x = {};         // (T, N, I)
  std::vector<uint8_t> resets = {};  // (T, N): 1 at each row's first step
  std::vector<ProbeTarget> targets = {};
};

// A batch of zeros without targets, whose rows begin at step 0.
ProbeBatch EmptyProbeBatch(const ProbeSizes& sizes);

// "rnn.weight_ih_l0", ..., "output.weight" (O, H), "output.bias" (O).
std::vector<WeightSpec> ProbeWeightSpecs(const ProbeSizes& sizes);

// Writes what ProbeSizes::memory says into the network's initial biases, the
// tensors of "rnn.bias_ih_l0" and "rnn.bias_hh_l0".
void InitialiseMemory(const ProbeSizes& sizes, Random random,
                      absl::Span<float> bias_ih, absl::Span<float> bias_hh);

// Not thread-safe; computes with the OpenMP threads of the caller.
class ProbeNetwork {
 public:
  static absl::StatusOr<std::unique_ptr<ProbeNetwork>> Create(
      const ProbeSizes& sizes);

  // Sum of the losses of the batch's targets.
  absl::StatusOr<BatchLoss> Loss(absl::Span<const float* const> weights,
                                 const ProbeBatch& batch);

  // The same, and adds its gradient to `gradients`. `dh_steps`, unless null,
  // receives dLoss/dh_t of every step: (T, N, H).
  absl::StatusOr<BatchLoss> LossAndGradient(
      absl::Span<const float* const> weights, const ProbeBatch& batch,
      absl::Span<float* const> gradients, float* dh_steps = nullptr);

  // The predictions of the last pass: (targets, O).
  const std::vector<float>& predictions() const { return predictions_; }

 private:
  explicit ProbeNetwork(const ProbeSizes& sizes);
  CellWeights LayerWeights(absl::Span<const float* const> weights) const;
  void Predict(absl::Span<const float* const> weights, const ProbeBatch& batch);
  double LossOf(const ProbeTarget& target, const float* prediction,
                float* gradient) const;
  void HeadBackward(absl::Span<const float* const> weights,
                    const ProbeBatch& batch,
                    absl::Span<float* const> gradients);

  const ProbeSizes sizes_;
  std::unique_ptr<RecurrentTrainingLayer> layer_;
  Executor executor_;

  std::vector<float> h_;             // (N, H)
  std::vector<float> c_;             // (N, H)
  std::vector<float> predictions_;   // (targets, O)
  std::vector<float> dpredictions_;  // (targets, O)
  std::vector<float> dy_;            // (T, N, H)
  std::vector<float> dh_;            // (N, H)
  std::vector<float> dc_;            // (N, H)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DIAGNOSE_PROBE_NETWORK_H_
