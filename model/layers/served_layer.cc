// SPDX-License-Identifier: Apache-2.0

#include "model/layers/served_layer.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "model/base/buckets.h"
#include "model/base/check.h"
#include "model/base/grow.h"
#include "model/base/status_macros.h"
#include "model/layers/kernels.h"
#include "model/layers/packing.h"

namespace carousel {
namespace {

// Steps x rows of one product of the inputs.
constexpr int kMaxCells = 64;

}  // namespace

absl::StatusOr<std::unique_ptr<const ServedLayer>> ServedLayer::Create(
    Cell cell, absl::Span<const Tensor> weights, Precision precision) {
  CAROUSEL_CHECK(weights.size() == 4);
  auto layer = absl::WrapUnique(new ServedLayer(cell));
  ASSIGN_OR_RETURN(layer->input_, ServedMatrix::Create(weights[0], precision));
  ASSIGN_OR_RETURN(layer->recurrent_,
                   ServedMatrix::Create(weights[1], precision));
  CAROUSEL_CHECK(layer->recurrent_->n() ==
                 GateCount(cell) * layer->recurrent_->k());
  CAROUSEL_CHECK(layer->input_->n() == layer->recurrent_->n());
  layer->bias_ = ToVector(weights[2]);
  std::vector<float> bias_hh = ToVector(weights[3]);
  if (cell == Cell::kGru) {
    layer->bias_hh_ = std::move(bias_hh);
  } else {
    GetKernels().add(layer->input_->n(), bias_hh.data(), layer->bias_.data());
  }
  return layer;
}

// Inputs are multiplied for several steps at once, which reads their weights
// once, but for so few that the sums stay in the cache until they are used.
absl::Status ServedLayer::Forward(const Call& call,
                                  ServedLayerScratch* scratch) const {
  CAROUSEL_CHECK(call.steps >= 1 && call.rows >= 1);
  const int most_steps =
      NextPiece(static_cast<int>(std::max<int64_t>(1, kMaxCells / call.rows)),
                kMaxCells, wants_few_shapes());
  Call part = call;
  for (int64_t done = 0; done < call.steps; done += part.steps) {
    part.steps = NextPiece(static_cast<int>(call.steps - done), most_steps,
                           wants_few_shapes());
    const int64_t t = call.backwards ? call.steps - done - part.steps : done;
    const int64_t before = t * call.rows;
    part.y = call.y + before * StrideOf(call);
    if (call.places == nullptr) {
      part.x = call.x + before * inputs();
    } else {
      part.places = call.places + before;
    }
    RETURN_IF_ERROR(FindSums(part, scratch));
    RETURN_IF_ERROR(ForwardSums(part, scratch->sums.data(), scratch));
  }
  return absl::OkStatus();
}

// Of all steps and rows, to the scratch's `sums`.
absl::Status ServedLayer::FindSums(const Call& call,
                                   ServedLayerScratch* scratch) const {
  const int64_t cells = call.steps * call.rows;
  const int64_t width = input_->n();
  float* sums = GrowTo(static_cast<size_t>(cells * width), &scratch->sums);
  if (call.places == nullptr) return InputSums(call.x, cells, sums, scratch);
  for (int64_t cell = 0; cell < cells; ++cell) {
    std::copy_n(call.sums + call.places[cell] * width, width,
                sums + cell * width);
  }
  return absl::OkStatus();
}

absl::Status ServedLayer::InputSums(const float* x, int64_t rows, float* sums,
                                    ServedLayerScratch* scratch) const {
  scratch->x.Set(precision(), x, rows, inputs());
  return input_->Multiply(scratch->x, {}, bias_.data(), sums,
                          &scratch->products);
}

absl::Status ServedLayer::ForwardSums(const Call& call, float* sums,
                                      ServedLayerScratch* scratch) const {
  CAROUSEL_CHECK(call.steps >= 1 && call.rows >= 1);
  const int64_t in_step = call.rows * input_->n();
  States before = {.data = call.h, .stride = hidden()};
  for (int64_t done = 0; done < call.steps; ++done) {
    const int64_t t = call.backwards ? call.steps - 1 - done : done;
    const States after = {.data = call.y + t * call.rows * StrideOf(call),
                          .stride = StrideOf(call)};
    // Every second step backwards through the weights: see product_columns.h.
    RETURN_IF_ERROR(
        Step(call, before, sums + t * in_step, after, done % 2 == 1, scratch));
    before = after;
  }
  for (int64_t row = 0; row < call.rows; ++row) {
    std::copy_n(before.row(row), hidden(), call.h + row * hidden());
  }
  return absl::OkStatus();
}

absl::Status ServedLayer::Step(const Call& call, const States& before,
                               float* sums, const States& after, bool backwards,
                               ServedLayerScratch* scratch) const {
  if (cell_ == Cell::kReluRnn) {  // whose h has no bound
    scratch->h.Set(precision(), before.data, call.rows, hidden(),
                   before.stride);
  } else {
    scratch->h.SetUnit(precision(), before.data, call.rows, hidden(),
                       before.stride);
  }
  float* products = sums;
  if (cell_ == Cell::kGru) {
    // Its reset gate is applied to a part of the recurrent product.
    scratch->recurrent.assign(static_cast<size_t>(call.rows * recurrent_->n()),
                              0.0f);
    products = scratch->recurrent.data();
  }
  RETURN_IF_ERROR(recurrent_->MultiplyAdd(scratch->h, products,
                                          &scratch->products, backwards));
  if (cell_ == Cell::kLstm) {
    LstmGates(call, sums, after);
    return absl::OkStatus();
  }
  scratch->unread.resize(static_cast<size_t>(hidden()));
  for (int64_t row = 0; row < call.rows; ++row) {
    Gates(before.row(row), sums + row * recurrent_->n(),
          products + row * recurrent_->n(), after.row(row),
          scratch->unread.data());
  }
  return absl::OkStatus();
}

void ServedLayer::LstmGates(const Call& call, float* sums,
                            const States& after) const {
  const Kernels& kernels = GetKernels();
  const int64_t width = recurrent_->n();
  for (int64_t row = 0; row < call.rows; ++row) {
    kernels.lstm_served(hidden(), {.sums = sums + row * width,
                                   .c = call.c + row * hidden(),
                                   .h = after.row(row)});
  }
}

void ServedLayer::Gates(const float* h_before, float* sums,
                        const float* recurrent, float* h, float* unread) const {
  const Kernels& kernels = GetKernels();
  switch (cell_) {
    case Cell::kTanhRnn:
      return kernels.tanh_forward(hidden(), sums, h);
    case Cell::kReluRnn:
      return kernels.relu_forward(hidden(), sums, h);
    case Cell::kLstm:
      CAROUSEL_CHECK(false && "has LstmGates");
      return;
    case Cell::kGru:
      return kernels.gru_forward(hidden(), {.gates = sums,
                                            .recurrent = recurrent,
                                            .bias_hh = bias_hh_.data(),
                                            .h_prev = h_before,
                                            .recurrent_n = unread,
                                            .h = h});
  }
}

size_t ServedLayer::memory_bytes() const {
  return input_->memory_bytes() + recurrent_->memory_bytes() +
         (bias_.size() + bias_hh_.size()) * sizeof(float);
}

}  // namespace carousel
