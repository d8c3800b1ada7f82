// SPDX-License-Identifier: Apache-2.0

#include "model/layers/translator_grad.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/column_sums.h"
#include "model/layers/embedding.h"
#include "model/layers/kernels.h"
#include "model/layers/state_rows.h"
#include "model/onednn/matmul.h"

namespace carousel {

TranslatorGrad::TranslatorGrad(const TranslatorSizes& sizes,
                               const DecoderShape& shape)
    : sizes_(sizes),
      places_(sizes),
      shape_(shape),
      source_cells_(int64_t{shape.source_steps} * shape.rows) {
  const auto cells = static_cast<size_t>(source_cells_);
  const auto rows = static_cast<size_t>(shape.rows);
  source_.resize(cells);
  first_.resize(rows);
  x_.resize(cells * static_cast<size_t>(sizes.embedding));
  dx_.resize(x_.size());
  dmemory_.resize(cells * static_cast<size_t>(sizes.encoder.outputs()));
  if (!sizes.bridges()) return;
  summary_.resize(rows * static_cast<size_t>(sizes.encoder.outputs()));
  dsummary_.resize(summary_.size());
  bridged_.resize(rows * static_cast<size_t>(sizes.bridge_outputs()));
  dbridged_.resize(bridged_.size());
}

absl::StatusOr<std::unique_ptr<TranslatorGrad>> TranslatorGrad::Create(
    const TranslatorSizes& sizes, const DecoderShape& shape,
    const DecoderTraining& training, std::shared_ptr<OutputLayerLoss> output) {
  auto network = absl::WrapUnique(new TranslatorGrad(sizes, shape));
  StackDropout dropout = training.dropout;
  dropout.output = 0;
  ASSIGN_OR_RETURN(
      network->encoder_,
      RecurrentStackGrad::Create(sizes.encoder, shape.source_steps, shape.rows,
                                 dropout, training.precision));
  ASSIGN_OR_RETURN(network->decoder_,
                   DecoderGrad::Create(sizes.decoder_sizes(), shape, training,
                                       std::move(output)));
  return network;
}

size_t TranslatorGrad::ApproximateBytes(const TranslatorSizes& sizes,
                                        const DecoderShape& shape) {
  // Of a cell's numbers per step: gates and their gradients, h, c, tanh c, the
  // layer's input and output and their gradients.
  const auto stack = [](const StackSizes& s) {
    return int64_t{s.layers} * s.directions() * (2 * GateCount(s.cell) + 8) *
           s.hidden;
  };
  const int64_t source = stack(sizes.encoder) + 3 * sizes.embedding +
                         4 * int64_t{sizes.encoder.outputs()};
  const int64_t target = stack(sizes.decoder) + 3 * sizes.embedding +
                         2 * int64_t{sizes.encoder.outputs()} +
                         6 * int64_t{sizes.decoder.outputs()};
  return sizeof(float) * static_cast<size_t>(shape.rows) *
         static_cast<size_t>(shape.source_steps * source +
                             shape.steps * target);
}

absl::Span<const float* const> TranslatorGrad::EncoderOf(
    absl::Span<const float* const> weights) const {
  return weights.subspan(places_.encoder, places_.encoder_count);
}

absl::Span<const float* const> TranslatorGrad::DecoderOf(
    absl::Span<const float* const> weights) const {
  return weights.subspan(places_.decoder);
}

// Fills first_, source_ and x_.
void TranslatorGrad::ReadSource(const TranslatorBatch& batch,
                                const float* embedding) {
  const int64_t rows = shape_.rows;
  const int64_t steps = shape_.source_steps;
  std::copy(batch.source.begin(), batch.source.end(), source_.begin());
  for (int64_t row = 0; row < rows; ++row) {
    const auto cell = [&](int64_t step) {
      return static_cast<size_t>(step * rows + row);
    };
    int64_t first = 0;
    int64_t resets = 0;
    for (int64_t step = 0; step < steps; ++step) {
      if (batch.resets[cell(step)] == 0) continue;
      first = step;
      ++resets;
    }
    CAROUSEL_CHECK(resets == 1);
    first_[static_cast<size_t>(row)] = static_cast<int32_t>(first);
    if (!sizes_.reverse_input) continue;
    for (int64_t step = first; step < steps; ++step) {
      source_[cell(step)] = batch.source[cell(steps - 1 - (step - first))];
    }
  }
  const Tensor table = Tensor::Borrow(
      DType::kF32, {sizes_.source_vocabulary, sizes_.embedding}, embedding);
  GatherRows(table, source_, x_.data());
}

absl::Status TranslatorGrad::Forward(absl::Span<const float* const> weights,
                                     const TranslatorBatch& batch,
                                     const DropoutKey* key,
                                     Executor* executor) {
  CAROUSEL_CHECK(static_cast<int64_t>(batch.source.size()) == source_cells_);
  CAROUSEL_CHECK(static_cast<int64_t>(batch.resets.size()) == source_cells_);
  ReadSource(batch, weights[places_.source_embedding]);
  encoder_state_ = ZeroState(sizes_.encoder, shape_.rows);
  RETURN_IF_ERROR(encoder_->Forward(EncoderOf(weights), x_.data(), batch.resets,
                                    key, &encoder_state_, executor));
  RETURN_IF_ERROR(Bridge(weights, executor));
  DropoutKey decoder_key;
  if (key != nullptr) {
    decoder_key = *key;
    decoder_key.site += StackDropoutSites(sizes_.encoder);
  }
  return decoder_->Forward(
      DecoderOf(weights),
      {.inputs = batch.target_in, .memory = encoder_->y(), .first = first_},
      key == nullptr ? nullptr : &decoder_key, &decoder_state_, executor);
}

absl::Status TranslatorGrad::Bridge(absl::Span<const float* const> weights,
                                    Executor* executor) {
  if (!sizes_.bridges()) {
    decoder_state_ = encoder_state_;
    return absl::OkStatus();
  }
  GatherTop(sizes_.encoder, encoder_state_, summary_.data());
  const int64_t width = sizes_.encoder.outputs();
  const int64_t outputs = sizes_.bridge_outputs();
  const float* bias = weights[places_.bridge + 1];
  for (int64_t row = 0; row < shape_.rows; ++row) {
    std::copy_n(bias, outputs, bridged_.data() + row * outputs);
  }
  RETURN_IF_ERROR(Matmul({.m = shape_.rows,
                          .n = outputs,
                          .k = width,
                          .a = {.data = summary_.data(), .row_stride = width},
                          .b = {.data = weights[places_.bridge],
                                .row_stride = width,
                                .transposed = true},
                          .c = bridged_.data(),
                          .c_row_stride = outputs,
                          .accumulate = true},
                         executor));
  GetKernels().tanh_forward(shape_.rows * outputs, bridged_.data(),
                            bridged_.data());
  decoder_state_ = ZeroState(sizes_.decoder, shape_.rows);
  ScatterState(sizes_.decoder, bridged_.data(), &decoder_state_);
  return absl::OkStatus();
}

absl::StatusOr<double> TranslatorGrad::Loss(
    absl::Span<const float* const> weights, const TranslatorBatch& batch,
    Executor* executor) {
  RETURN_IF_ERROR(Forward(weights, batch, nullptr, executor));
  return decoder_->Loss(DecoderOf(weights), batch.targets, executor);
}

absl::StatusOr<double> TranslatorGrad::LossAndGradient(
    absl::Span<const float* const> weights, const TranslatorBatch& batch,
    const DropoutKey& key, absl::Span<float* const> gradients,
    Executor* executor) {
  RETURN_IF_ERROR(Forward(weights, batch, &key, executor));
  std::fill(dmemory_.begin(), dmemory_.end(), 0.0f);
  ASSIGN_OR_RETURN(
      const double loss,
      decoder_->LossAndBackward(DecoderOf(weights), batch.targets,
                                dmemory_.data(), &ddecoder_state_,
                                gradients.subspan(places_.decoder), executor));
  RETURN_IF_ERROR(BridgeBackward(weights, gradients, executor));
  RETURN_IF_ERROR(EncoderBackward(weights, batch, gradients, executor));
  return loss;
}

// From ddecoder_state_ to dencoder_state_. With the sums s of the bridge,
// ds = dz (1 - z^2): dW += ds^T e, db += sum ds, de = ds W.
absl::Status TranslatorGrad::BridgeBackward(
    absl::Span<const float* const> weights, absl::Span<float* const> gradients,
    Executor* executor) {
  if (!sizes_.bridges()) {
    dencoder_state_ = ddecoder_state_;
    return absl::OkStatus();
  }
  GatherState(sizes_.decoder, ddecoder_state_, dbridged_.data());
  const int64_t width = sizes_.encoder.outputs();
  const int64_t outputs = sizes_.bridge_outputs();
  GetKernels().tanh_backward(shape_.rows * outputs, bridged_.data(),
                             dbridged_.data(), dbridged_.data());
  AddColumnSums(dbridged_.data(), shape_.rows, outputs,
                gradients[places_.bridge + 1]);
  RETURN_IF_ERROR(Matmul({.m = outputs,
                          .n = width,
                          .k = shape_.rows,
                          .a = {.data = dbridged_.data(),
                                .row_stride = outputs,
                                .transposed = true},
                          .b = {.data = summary_.data(), .row_stride = width},
                          .c = gradients[places_.bridge],
                          .c_row_stride = width,
                          .accumulate = true},
                         executor));
  RETURN_IF_ERROR(
      Matmul({.m = shape_.rows,
              .n = width,
              .k = outputs,
              .a = {.data = dbridged_.data(), .row_stride = outputs},
              .b = {.data = weights[places_.bridge], .row_stride = width},
              .c = dsummary_.data(),
              .c_row_stride = width},
             executor));
  dencoder_state_ = ZeroState(sizes_.encoder, shape_.rows);
  ScatterTop(sizes_.encoder, dsummary_.data(), &dencoder_state_);
  return absl::OkStatus();
}

absl::Status TranslatorGrad::EncoderBackward(
    absl::Span<const float* const> weights, const TranslatorBatch& batch,
    absl::Span<float* const> gradients, Executor* executor) {
  RETURN_IF_ERROR(encoder_->Backward(
      EncoderOf(weights), batch.resets, dmemory_.data(), &dencoder_state_,
      dx_.data(), gradients.subspan(places_.encoder, places_.encoder_count),
      executor));
  // In the padding dx is 0.
  AddRows(source_, sizes_.embedding, dx_.data(),
          gradients[places_.source_embedding]);
  return absl::OkStatus();
}

}  // namespace carousel
