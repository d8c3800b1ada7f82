// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/probe_network.h"

#include <algorithm>
#include <cmath>

#include "absl/memory/memory.h"
#include "model/base/status_macros.h"
#include "model/layers/recurrent_stack.h"

namespace carousel {
namespace {

// Places in ProbeWeightSpecs.
constexpr size_t kWeightIh = 0;
constexpr size_t kWeightHh = 1;
constexpr size_t kBiasIh = 2;
constexpr size_t kBiasHh = 3;
constexpr size_t kOutputWeight = 4;
constexpr size_t kOutputBias = 5;

}  // namespace

ProbeBatch EmptyProbeBatch(const ProbeSizes& sizes) {
  const auto cells = static_cast<size_t>(sizes.steps * sizes.rows);
  ProbeBatch batch = {
      .x = std::vector<float>(cells * static_cast<size_t>(sizes.inputs)),
      .resets = std::vector<uint8_t>(cells)};
  std::fill_n(batch.resets.begin(), sizes.rows, uint8_t{1});
  return batch;
}

std::vector<WeightSpec> ProbeWeightSpecs(const ProbeSizes& sizes) {
  std::vector<WeightSpec> specs =
      StackWeightSpecs("rnn.", {.cell = sizes.cell,
                                .inputs = sizes.inputs,
                                .hidden = sizes.hidden,
                                .layers = 1});
  if (sizes.input_bound > 0) specs[kWeightIh].bound = sizes.input_bound;
  if (sizes.recurrent_bound > 0) specs[kWeightHh].bound = sizes.recurrent_bound;
  const float usual = 1.0f / std::sqrt(static_cast<float>(sizes.hidden));
  specs.push_back(
      {.name = "output.weight",
       .shape = {sizes.outputs, sizes.hidden},
       .bound = sizes.output_bound > 0 ? sizes.output_bound : usual});
  specs.push_back({.name = "output.bias",
                   .shape = {sizes.outputs},
                   .init = sizes.outputs == 1 ? Init::kOne : Init::kZero});
  return specs;
}

void InitialiseMemory(const ProbeSizes& sizes, Random random,
                      absl::Span<float> bias_ih, absl::Span<float> bias_hh) {
  const auto hidden = static_cast<size_t>(sizes.hidden);
  std::fill(bias_ih.begin(), bias_ih.end(), 0.0f);
  std::fill(bias_hh.begin(), bias_hh.end(), 0.0f);
  for (size_t i = 0; i < hidden; ++i) {
    // A gate that is open by m / (1 + m) keeps a share 1/e over 1 + m steps.
    const float keep =
        std::log(random.Uniform(1, static_cast<float>(sizes.memory - 1)));
    if (sizes.cell == Cell::kLstm) {
      bias_ih[i] = -keep;          // input gate
      bias_ih[hidden + i] = keep;  // forget gate
    } else if (sizes.cell == Cell::kGru) {
      bias_ih[hidden + i] = keep;  // z, which keeps h
    }
  }
}

ProbeNetwork::ProbeNetwork(const ProbeSizes& sizes) : sizes_(sizes) {
  const auto state = static_cast<size_t>(sizes.rows * sizes.hidden);
  for (auto* buffer : {&h_, &c_, &dh_, &dc_}) buffer->resize(state);
  dy_.resize(state * static_cast<size_t>(sizes.steps));
}

absl::StatusOr<std::unique_ptr<ProbeNetwork>> ProbeNetwork::Create(
    const ProbeSizes& sizes) {
  auto network = absl::WrapUnique(new ProbeNetwork(sizes));
  ASSIGN_OR_RETURN(
      network->layer_,
      RecurrentTrainingLayer::Create(sizes.cell, sizes.inputs, sizes.hidden,
                                     sizes.steps, sizes.rows, Precision::kF32));
  return network;
}

CellWeights ProbeNetwork::LayerWeights(
    absl::Span<const float* const> weights) const {
  const auto h = static_cast<size_t>(sizes_.hidden);
  const size_t gates = h * static_cast<size_t>(GateCount(sizes_.cell));
  return {
      .weight_ih = {weights[kWeightIh],
                    gates * static_cast<size_t>(sizes_.inputs)},
      .weight_hh = {weights[kWeightHh], gates * h},
      .bias_ih = {weights[kBiasIh], gates},
      .bias_hh = {weights[kBiasHh], gates},
  };
}

// prediction = W h + b for each target. Few outputs: a loop is as good as a
// matrix product.
void ProbeNetwork::Predict(absl::Span<const float* const> weights,
                           const ProbeBatch& batch) {
  const auto outputs = static_cast<size_t>(sizes_.outputs);
  const int64_t hidden = sizes_.hidden;
  predictions_.assign(batch.targets.size() * outputs, 0.0f);
  float* prediction = predictions_.data();
  for (const ProbeTarget& target : batch.targets) {
    const float* h = layer_->y() + target.cell * hidden;
    for (size_t o = 0; o < outputs; ++o) {
      const float* w = weights[kOutputWeight] + o * static_cast<size_t>(hidden);
      float sum = weights[kOutputBias][o];
      for (int64_t i = 0; i < hidden; ++i) sum += w[i] * h[i];
      *prediction++ = sum;
    }
  }
}

// The loss, and its gradient in `gradient` (O).
double ProbeNetwork::LossOf(const ProbeTarget& target, const float* prediction,
                            float* gradient) const {
  if (sizes_.outputs == 1) {
    const float error = prediction[0] - target.value;
    gradient[0] = 2 * error;
    return static_cast<double>(error) * static_cast<double>(error);
  }
  const int outputs = sizes_.outputs;
  const float highest = *std::max_element(prediction, prediction + outputs);
  float sum = 0;
  for (int o = 0; o < outputs; ++o) {
    gradient[o] = std::exp(prediction[o] - highest);
    sum += gradient[o];
  }
  for (int o = 0; o < outputs; ++o) gradient[o] /= sum;
  gradient[target.label] -= 1;
  return static_cast<double>(std::log(sum) + highest -
                             prediction[target.label]);
}

absl::StatusOr<BatchLoss> ProbeNetwork::Loss(
    absl::Span<const float* const> weights, const ProbeBatch& batch) {
  std::fill(h_.begin(), h_.end(), 0.0f);
  std::fill(c_.begin(), c_.end(), 0.0f);
  RETURN_IF_ERROR(layer_->Forward(
      LayerWeights(weights), batch.x.data(), batch.resets, h_.data(),
      HasMemory(sizes_.cell) ? c_.data() : nullptr, &executor_));
  Predict(weights, batch);
  dpredictions_.resize(predictions_.size());
  BatchLoss loss = {.targets = static_cast<int64_t>(batch.targets.size())};
  size_t at = 0;
  for (const ProbeTarget& target : batch.targets) {
    loss.loss += LossOf(target, &predictions_[at], &dpredictions_[at]);
    at += static_cast<size_t>(sizes_.outputs);
  }
  return loss;
}

// From dpredictions_ to the head's gradients and dy_.
void ProbeNetwork::HeadBackward(absl::Span<const float* const> weights,
                                const ProbeBatch& batch,
                                absl::Span<float* const> gradients) {
  const int64_t hidden = sizes_.hidden;
  std::fill(dy_.begin(), dy_.end(), 0.0f);
  const float* gradient = dpredictions_.data();
  for (const ProbeTarget& target : batch.targets) {
    const float* h = layer_->y() + target.cell * hidden;
    float* dh = dy_.data() + target.cell * hidden;
    for (int64_t o = 0; o < sizes_.outputs; ++o) {
      const float d = *gradient++;
      const float* w = weights[kOutputWeight] + o * hidden;
      float* dw = gradients[kOutputWeight] + o * hidden;
      gradients[kOutputBias][o] += d;
      for (int64_t i = 0; i < hidden; ++i) dw[i] += d * h[i];
      for (int64_t i = 0; i < hidden; ++i) dh[i] += d * w[i];
    }
  }
}

absl::StatusOr<BatchLoss> ProbeNetwork::LossAndGradient(
    absl::Span<const float* const> weights, const ProbeBatch& batch,
    absl::Span<float* const> gradients, float* dh_steps) {
  ASSIGN_OR_RETURN(const BatchLoss loss, Loss(weights, batch));
  HeadBackward(weights, batch, gradients);
  std::fill(dh_.begin(), dh_.end(), 0.0f);
  std::fill(dc_.begin(), dc_.end(), 0.0f);
  RETURN_IF_ERROR(layer_->Backward(
      LayerWeights(weights), batch.resets, dy_.data(), dh_.data(),
      HasMemory(sizes_.cell) ? dc_.data() : nullptr, nullptr,
      {.weight_ih = gradients[kWeightIh],
       .weight_hh = gradients[kWeightHh],
       .bias_ih = gradients[kBiasIh],
       .bias_hh = gradients[kBiasHh]},
      dh_steps, &executor_));
  return loss;
}

}  // namespace carousel
