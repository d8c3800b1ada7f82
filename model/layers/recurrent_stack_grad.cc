// SPDX-License-Identifier: Apache-2.0

#include "model/layers/recurrent_stack_grad.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/kernels.h"
#include "model/layers/row_reversal.h"

namespace carousel {
namespace {

// Elements that one thread takes at a time.
constexpr int64_t kBlock = 1 << 14;

// Runs body(at, count) over [0, size) on all threads.
template <typename Body>
void ForBlocks(size_t size, const Body& body) {
  const auto end = static_cast<int64_t>(size);
#pragma omp parallel for schedule(static)
  for (int64_t at = 0; at < end; at += kBlock) {
    body(at, std::min(kBlock, end - at));
  }
}

void Add(size_t size, const float* x, float* y) {
  ForBlocks(size, [&](int64_t at, int64_t count) {
    GetKernels().add(count, x + at, y + at);
  });
}

void Multiply(const std::vector<float>& x, float* y) {
  ForBlocks(x.size(), [&](int64_t at, int64_t count) {
    GetKernels().multiply(count, x.data() + at, y + at);
  });
}

void Copy(size_t size, const float* from, float* to) {
  ForBlocks(size, [&](int64_t at, int64_t count) {
    std::copy_n(from + at, count, to + at);
  });
}

// Columns [from, from + width) of (cells, stride), close together.
void CopyColumns(const float* matrix, int64_t cells, int64_t stride,
                 int64_t from, int64_t width, float* out) {
  for (int64_t cell = 0; cell < cells; ++cell) {
    std::copy_n(matrix + cell * stride + from, width, out + cell * width);
  }
}

}  // namespace

int StackDropoutSites(const StackSizes& sizes) {
  return sizes.layers + 1 + sizes.layers * sizes.directions();
}

RecurrentStackGrad::RecurrentStackGrad(const StackSizes& sizes, int steps,
                                       int rows, const StackDropout& dropout)
    : sizes_(sizes),
      steps_(steps),
      rows_(rows),
      dropout_(dropout),
      cells_(static_cast<size_t>(sizes.layers * sizes.directions())),
      first_(static_cast<size_t>(rows)) {
  const auto size = [&](int64_t width) {
    return static_cast<size_t>(steps_ * rows_ * width);
  };
  for (int k = 0; k <= sizes.layers; ++k) {
    const int64_t width = sizes.InputWidth(k);
    activations_.emplace_back(size(width));
    const size_t mask =
        dropout.variational ? static_cast<size_t>(rows * width) : size(width);
    masks_.emplace_back(DropoutRate(k) > 0 ? mask : 0);
    reversed_.emplace_back(sizes.bidirectional && k < sizes.layers ? size(width)
                                                                   : 0);
  }
  dy_.resize(size(sizes.outputs()));
  dx_.resize(size(sizes.outputs()));
  if (sizes.bidirectional) {
    const int widest = std::max(sizes.inputs, sizes.outputs());
    dy_one_.resize(size(sizes.hidden));
    dx_reversed_.resize(size(widest));
    dx_turned_.resize(size(widest));
  }
}

absl::StatusOr<std::unique_ptr<RecurrentStackGrad>> RecurrentStackGrad::Create(
    const StackSizes& sizes, int steps, int rows, const StackDropout& dropout,
    Precision precision) {
  auto stack =
      absl::WrapUnique(new RecurrentStackGrad(sizes, steps, rows, dropout));
  const int64_t recurrent =
      int64_t{GateCount(sizes.cell)} * sizes.hidden * int64_t{sizes.hidden};
  for (int k = 0; k < sizes.layers; ++k) {
    for (int d = 0; d < sizes.directions(); ++d) {
      Direction& cell = stack->At(k, d);
      ASSIGN_OR_RETURN(cell.layer, RecurrentTrainingLayer::Create(
                                       sizes.cell, sizes.InputWidth(k),
                                       sizes.hidden, steps, rows, precision));
      if (dropout.weight_drop == 0) continue;
      cell.mask.resize(static_cast<size_t>(recurrent));
      cell.dropped.resize(static_cast<size_t>(recurrent));
    }
  }
  return stack;
}

float RecurrentStackGrad::DropoutRate(int k) const {
  if (k == 0) return dropout_.input;
  return k < sizes_.layers ? dropout_.layers : dropout_.output;
}

RecurrentStackGrad::Direction& RecurrentStackGrad::At(int k, int d) {
  return cells_[static_cast<size_t>(k * sizes_.directions() + d)];
}

// As the last Forward() used them.
CellWeights RecurrentStackGrad::WeightsOf(
    absl::Span<const float* const> weights, int k, int d) {
  const auto h = static_cast<size_t>(sizes_.hidden);
  const auto gates = static_cast<size_t>(GateCount(sizes_.cell)) * h;
  const auto inputs = static_cast<size_t>(sizes_.InputWidth(k));
  const auto own = weights.subspan(
      kWeightsOfCell * static_cast<size_t>(k * sizes_.directions() + d));
  const Direction& cell = At(k, d);
  const bool dropped = dropping_ && !cell.mask.empty();
  return {.weight_ih = {own[0], gates * inputs},
          .weight_hh = {dropped ? cell.dropped.data() : own[1], gates * h},
          .bias_ih = {own[2], gates},
          .bias_hh = {own[3], gates}};
}

void RecurrentStackGrad::FindFirstSteps(absl::Span<const uint8_t> resets) {
  std::fill(first_.begin(), first_.end(), 0);
  for (int64_t cell = steps_ * rows_ - 1; cell >= 0; --cell) {
    if (resets[static_cast<size_t>(cell)] == 0) continue;
    first_[static_cast<size_t>(cell % rows_)] = cell / rows_;
  }
}

void RecurrentStackGrad::DrawMasks(absl::Span<const float* const> weights,
                                   DropoutKey key) {
  const int site = key.site;
  for (int k = 0; k <= sizes_.layers; ++k) {
    key.site = site + k;
    FillDropoutMask(key, DropoutRate(k), sizes_.InputWidth(k),
                    absl::MakeSpan(masks_[static_cast<size_t>(k)]));
  }
  // The weights are those of all rows.
  key = {.seed = key.seed, .step = key.step, .site = site + sizes_.layers + 1};
  for (size_t i = 0; i < cells_.size(); ++i, ++key.site) {
    Direction& cell = cells_[i];
    FillDropoutMask(key, dropout_.weight_drop, sizes_.hidden,
                    absl::MakeSpan(cell.mask));
    const float* weight_hh = weights[kWeightsOfCell * i + 1];
    Copy(cell.dropped.size(), weight_hh, cell.dropped.data());
    Multiply(cell.mask, cell.dropped.data());
  }
}

// activation (T, N, width of what layer k reads).
void RecurrentStackGrad::ApplyMask(int k, float* activation) const {
  const std::vector<float>& mask = masks_[static_cast<size_t>(k)];
  if (!dropping_ || mask.empty()) return;
  const auto size = static_cast<int64_t>(mask.size());
  const int64_t times = dropout_.variational ? steps_ : 1;
  for (int64_t i = 0; i < times; ++i) Multiply(mask, activation + i * size);
}

absl::Status RecurrentStackGrad::Forward(absl::Span<const float* const> weights,
                                         const float* x,
                                         absl::Span<const uint8_t> resets,
                                         const DropoutKey* key,
                                         RecurrentState* state,
                                         Executor* executor) {
  CAROUSEL_CHECK(static_cast<int64_t>(resets.size()) == steps_ * rows_);
  CAROUSEL_CHECK(state->rows == rows_);
  CAROUSEL_CHECK(weights.size() == kWeightsOfCell * cells_.size());
  dropping_ = key != nullptr;
  if (dropping_) DrawMasks(weights, *key);
  if (sizes_.bidirectional) FindFirstSteps(resets);
  Copy(activations_[0].size(), x, activations_[0].data());
  for (int k = 0; k < sizes_.layers; ++k) {
    ApplyMask(k, activations_[static_cast<size_t>(k)].data());
    RETURN_IF_ERROR(ForwardLayer(k, weights, resets, state, executor));
  }
  ApplyMask(sizes_.layers, activations_.back().data());
  return absl::OkStatus();
}

absl::Status RecurrentStackGrad::ForwardLayer(
    int k, absl::Span<const float* const> weights,
    absl::Span<const uint8_t> resets, RecurrentState* state,
    Executor* executor) {
  const auto& x = activations_[static_cast<size_t>(k)];
  auto& y = activations_[static_cast<size_t>(k) + 1];
  const int64_t width = sizes_.InputWidth(k);
  const int64_t hidden = sizes_.hidden;
  for (int d = 0; d < sizes_.directions(); ++d) {
    RecurrentTrainingLayer& layer = *At(k, d).layer;
    const float* in = x.data();
    if (d == 1) {
      float* reversed = reversed_[static_cast<size_t>(k)].data();
      ReverseRows(first_, steps_, width, in, width, reversed, width);
      in = reversed;
    }
    const int64_t at = (k * sizes_.directions() + d) * rows_ * hidden;
    RETURN_IF_ERROR(layer.Forward(
        WeightsOf(weights, k, d), in, resets, state->h.data() + at,
        HasMemory(sizes_.cell) ? state->c.data() + at : nullptr, executor));
    if (!sizes_.bidirectional) {
      Copy(y.size(), layer.y(), y.data());
    } else if (d == 0) {
      for (int64_t cell = 0; cell < steps_ * rows_; ++cell) {
        std::copy_n(layer.y() + cell * hidden, hidden,
                    y.data() + cell * sizes_.outputs());
      }
    } else {
      ReverseRows(first_, steps_, hidden, layer.y(), hidden, y.data() + hidden,
                  sizes_.outputs());
    }
  }
  if (sizes_.residual && k > 0) Add(x.size(), x.data(), y.data());
  return absl::OkStatus();
}

absl::Status RecurrentStackGrad::Backward(
    absl::Span<const float* const> weights, absl::Span<const uint8_t> resets,
    const float* dy, RecurrentState* dstate, float* dx,
    absl::Span<float* const> gradients, Executor* executor) {
  Copy(dy_.size(), dy, dy_.data());
  ApplyMask(sizes_.layers, dy_.data());
  for (int k = sizes_.layers - 1; k >= 0; --k) {
    float* out = k == 0 ? dx : dx_.data();
    RETURN_IF_ERROR(
        BackwardLayer(k, weights, resets, dstate, out, gradients, executor));
    if (out == nullptr) break;
    if (sizes_.residual && k > 0) Add(dy_.size(), dy_.data(), out);
    ApplyMask(k, out);
    if (k > 0) std::swap(dy_, dx_);
  }
  return absl::OkStatus();
}

// From dy_, what layer k wrote, to `dx`, what it read.
absl::Status RecurrentStackGrad::BackwardLayer(
    int k, absl::Span<const float* const> weights,
    absl::Span<const uint8_t> resets, RecurrentState* dstate, float* dx,
    absl::Span<float* const> gradients, Executor* executor) {
  if (!sizes_.bidirectional) {
    return BackwardCell(k, 0, weights, resets, dy_.data(), dstate, dx,
                        gradients, executor);
  }
  const int64_t hidden = sizes_.hidden;
  CopyColumns(dy_.data(), steps_ * rows_, 2 * hidden, 0, hidden,
              dy_one_.data());
  RETURN_IF_ERROR(BackwardCell(k, 0, weights, resets, dy_one_.data(), dstate,
                               dx, gradients, executor));
  ReverseRows(first_, steps_, hidden, dy_.data() + hidden, 2 * hidden,
              dy_one_.data(), hidden);
  RETURN_IF_ERROR(BackwardCell(k, 1, weights, resets, dy_one_.data(), dstate,
                               dx == nullptr ? nullptr : dx_reversed_.data(),
                               gradients, executor));
  if (dx == nullptr) return absl::OkStatus();
  const int64_t width = sizes_.InputWidth(k);
  ReverseRows(first_, steps_, width, dx_reversed_.data(), width,
              dx_turned_.data(), width);
  GetKernels().add(steps_ * rows_ * width, dx_turned_.data(), dx);
  return absl::OkStatus();
}

absl::Status RecurrentStackGrad::BackwardCell(
    int k, int d, absl::Span<const float* const> weights,
    absl::Span<const uint8_t> resets, const float* dy, RecurrentState* dstate,
    float* dx, absl::Span<float* const> gradients, Executor* executor) {
  Direction& cell = At(k, d);
  const int64_t index = k * sizes_.directions() + d;
  const auto state_size = static_cast<size_t>(rows_ * sizes_.hidden);
  const bool memory = HasMemory(sizes_.cell);
  float* dh = nullptr;
  float* dc = nullptr;
  if (dstate != nullptr) {
    const int64_t at = index * rows_ * sizes_.hidden;
    dh = dstate->h.data() + at;
    if (memory) dc = dstate->c.data() + at;
  } else {
    dh_.assign(state_size, 0.0f);
    dh = dh_.data();
    if (memory) {
      dc_.assign(state_size, 0.0f);
      dc = dc_.data();
    }
  }
  const auto own =
      gradients.subspan(kWeightsOfCell * static_cast<size_t>(index));
  const bool dropped = dropping_ && !cell.mask.empty();
  if (dropped) dweight_hh_.assign(cell.mask.size(), 0.0f);
  RETURN_IF_ERROR(
      cell.layer->Backward(WeightsOf(weights, k, d), resets, dy, dh, dc, dx,
                           {.weight_ih = own[0],
                            .weight_hh = dropped ? dweight_hh_.data() : own[1],
                            .bias_ih = own[2],
                            .bias_hh = own[3]},
                           nullptr, executor));
  if (dropped) {
    Multiply(cell.mask, dweight_hh_.data());
    Add(dweight_hh_.size(), dweight_hh_.data(), own[1]);
  }
  return absl::OkStatus();
}

}  // namespace carousel
