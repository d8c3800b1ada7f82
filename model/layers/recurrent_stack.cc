// SPDX-License-Identifier: Apache-2.0

#include "model/layers/recurrent_stack.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/buckets.h"
#include "model/base/check.h"
#include "model/base/grow.h"
#include "model/base/status_macros.h"
#include "model/layers/row_reversal.h"

namespace carousel {
namespace {

// Steps of one call of a layer; longer texts go in turn.
constexpr int kMaxSteps = 32;
constexpr int kLookSteps = 8;  // between two looks

}  // namespace

absl::Status CheckStackSizes(const StackSizes& sizes) {
  RETURN_IF_ERROR(CheckSize("inputs", sizes.inputs));
  RETURN_IF_ERROR(CheckSize("hidden", sizes.hidden));
  return CheckSize("layers", sizes.layers);
}

std::vector<WeightSpec> StackWeightSpecs(absl::string_view prefix,
                                         const StackSizes& sizes) {
  const int64_t h = sizes.hidden;
  const int64_t gates = GateCount(sizes.cell) * h;
  const float bound = 1.0f / std::sqrt(static_cast<float>(h));
  const Init recurrent =
      sizes.cell == Cell::kReluRnn ? Init::kIdentity : Init::kUniform;
  const Init bias = sizes.cell == Cell::kLstm ? Init::kForgetOne : Init::kZero;
  std::vector<WeightSpec> specs;
  for (int k = 0; k < sizes.layers; ++k) {
    for (int d = 0; d < sizes.directions(); ++d) {
      const auto add = [&](absl::string_view kind, const Shape& shape,
                           Init init) {
        specs.push_back(
            {absl::StrCat(prefix, kind, "_l", k, d == 0 ? "" : "_reverse"),
             shape, init, bound});
      };
      add("weight_ih", {gates, sizes.InputWidth(k)}, Init::kUniform);
      add("weight_hh", {gates, h}, recurrent);
      add("bias_ih", {gates}, bias);
      add("bias_hh", {gates}, Init::kZero);
    }
  }
  return specs;
}

size_t StateFloats(const StackSizes& sizes, int rows) {
  return static_cast<size_t>(sizes.layers) * static_cast<size_t>(rows) *
         static_cast<size_t>(sizes.outputs());
}

RecurrentState ZeroState(const StackSizes& sizes, int rows) {
  const size_t size = StateFloats(sizes, rows);
  return {.rows = rows,
          .h = std::vector<float>(size),
          .c = std::vector<float>(HasMemory(sizes.cell) ? size : 0)};
}

absl::StatusOr<std::unique_ptr<const RecurrentStack>> RecurrentStack::Create(
    const StackSizes& sizes, absl::Span<const Tensor> weights,
    Precision precision) {
  RETURN_IF_ERROR(CheckStackSizes(sizes));
  RETURN_IF_ERROR(CheckWeights(StackWeightSpecs("", sizes), weights));
  auto stack = absl::WrapUnique(new RecurrentStack(sizes));
  for (size_t i = 0; i < weights.size(); i += kWeightsOfCell) {
    ASSIGN_OR_RETURN(
        auto cell,
        ServedLayer::Create(sizes.cell, weights.subspan(i, kWeightsOfCell),
                            precision));
    stack->cells_.push_back(std::move(cell));
  }
  return stack;
}

absl::Status RecurrentStack::Run(const float* x, int steps, int rows,
                                 RecurrentState* state, float* y,
                                 absl::Span<const int> lengths,
                                 StackWorkspace* workspace,
                                 const Look* look) const {
  CAROUSEL_CHECK(steps >= 1 && rows >= 1 && state->rows == rows);
  const bool whole_texts = !lengths.empty();
  std::vector<int64_t> first(static_cast<size_t>(rows), 0);
  if (whole_texts) {
    CAROUSEL_CHECK(lengths.size() == first.size());
    for (size_t n = 0; n < first.size(); ++n) {
      CAROUSEL_CHECK(lengths[n] >= 1 && lengths[n] <= steps);
      first[n] = steps - lengths[n];
    }
    *state = ZeroState(sizes_, rows);
  }
  for (int k = 0; k < sizes_.layers; ++k) {
    float* out = OutputOf(k, int64_t{steps} * rows, y, workspace);
    RETURN_IF_ERROR(
        RunLayer(k, x, first, whole_texts, steps, state, out, workspace, look));
    x = out;
  }
  return absl::OkStatus();
}

absl::Status RecurrentStack::RunSums(float* sums, int steps, int rows,
                                     RecurrentState* state, float* y,
                                     StackWorkspace* workspace) const {
  CAROUSEL_CHECK(steps >= 1 && rows >= 1 && state->rows == rows);
  CAROUSEL_CHECK(!sizes_.bidirectional);
  const int64_t cells = int64_t{steps} * rows;
  float* x = OutputOf(0, cells, y, workspace);
  RETURN_IF_ERROR(first_layer().ForwardSums(
      {.steps = steps,
       .rows = rows,
       .h = state->h.data(),
       .c = HasMemory(sizes_.cell) ? state->c.data() : nullptr,
       .y = x},
      sums, &workspace->layer));
  const std::vector<int64_t> first(static_cast<size_t>(rows), 0);
  for (int k = 1; k < sizes_.layers; ++k) {
    float* out = OutputOf(k, cells, y, workspace);
    RETURN_IF_ERROR(
        RunLayer(k, x, first, false, steps, state, out, workspace, nullptr));
    x = out;
  }
  return absl::OkStatus();
}

// Where layer k writes: the last one to y, the others by turns.
float* RecurrentStack::OutputOf(int k, int64_t cells, float* y,
                                StackWorkspace* workspace) const {
  if (k == sizes_.layers - 1) return y;
  return GrowTo(static_cast<size_t>(cells * sizes_.outputs()),
                &workspace->layers[k % 2]);
}

absl::Status RecurrentStack::RunLayer(int k, const float* x,
                                      absl::Span<const int64_t> first,
                                      bool whole_texts, int steps,
                                      RecurrentState* state, float* y,
                                      StackWorkspace* workspace,
                                      const Look* look) const {
  ServedLayerScratch* scratch = &workspace->layer;
  const int64_t cells = int64_t{steps} * state->rows;
  const int64_t width = sizes_.InputWidth(k);
  const int64_t hidden = sizes_.hidden;
  if (!sizes_.bidirectional) {
    RETURN_IF_ERROR(
        RunCell(k, 0, x, first, whole_texts, steps, state, y, scratch, look));
  } else {
    float* one =
        GrowTo(static_cast<size_t>(cells * hidden), &workspace->direction);
    RETURN_IF_ERROR(
        RunCell(k, 0, x, first, whole_texts, steps, state, one, scratch, look));
    for (int64_t cell = 0; cell < cells; ++cell) {
      std::copy_n(one + cell * hidden, hidden, y + cell * 2 * hidden);
    }
    float* reversed =
        GrowTo(static_cast<size_t>(cells * width), &workspace->reversed);
    ReverseRows(first, steps, width, x, width, reversed, width);
    RETURN_IF_ERROR(RunCell(k, 1, reversed, first, whole_texts, steps, state,
                            one, scratch, look));
    ReverseRows(first, steps, hidden, one, hidden, y + hidden, 2 * hidden);
  }
  if (sizes_.residual && k > 0) {
    for (int64_t i = 0; i < cells * width; ++i) y[i] += x[i];
  }
  return absl::OkStatus();
}

// Padding is computed like text; where a row's text begins the steps are cut,
// and its state is zeroed.
absl::Status RecurrentStack::RunCell(int k, int d, const float* x,
                                     absl::Span<const int64_t> first,
                                     bool whole_texts, int steps,
                                     RecurrentState* state, float* y,
                                     ServedLayerScratch* scratch,
                                     const Look* look) const {
  const auto index = static_cast<size_t>(k * sizes_.directions() + d);
  const int64_t hidden = sizes_.hidden;
  const int64_t rows = state->rows;
  const int64_t at = static_cast<int64_t>(index) * rows * hidden;
  float* h = state->h.data() + at;
  float* c = HasMemory(sizes_.cell) ? state->c.data() + at : nullptr;
  for (int64_t t = 0; t < steps;) {
    if (look != nullptr) RETURN_IF_ERROR((*look)());
    int64_t end = steps;
    for (int64_t n = 0; whole_texts && n < rows; ++n) {
      const int64_t start = first[static_cast<size_t>(n)];
      if (start > t) end = std::min(end, start);
      if (start != t) continue;
      std::fill_n(h + n * hidden, hidden, 0.0f);
      if (c != nullptr) std::fill_n(c + n * hidden, hidden, 0.0f);
    }
    const int now = LargestBucket(static_cast<int>(end - t),
                                  look != nullptr ? kLookSteps : kMaxSteps);
    RETURN_IF_ERROR(
        cells_[index]->Forward({.steps = now,
                                .rows = rows,
                                .x = x + t * rows * sizes_.InputWidth(k),
                                .h = h,
                                .c = c,
                                .y = y + t * rows * hidden},
                               scratch));
    t += now;
  }
  return absl::OkStatus();
}

size_t RecurrentStack::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& cell : cells_) bytes += cell->memory_bytes();
  return bytes;
}

std::string RecurrentStack::Implementation() const {
  return absl::StrCat(CellName(sizes_.cell), " ",
                      cells_.front()->implementation());
}

}  // namespace carousel
