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

struct RecurrentStack::Pass {
  int64_t cells() const { return int64_t{steps} * state->rows; }

  const int steps;  // T
  RecurrentState* const state;
  StackWorkspace* const workspace;
  const Look* const look = nullptr;

  // (N): at which steps texts begin. Empty: they go on from the state.
  std::vector<int64_t> begins = {};
};

absl::Status RecurrentStack::Run(const StackInput& input, RecurrentState* state,
                                 float* y, StackWorkspace* workspace,
                                 const Look* look) const {
  CAROUSEL_CHECK(input.steps >= 1 && state->rows >= 1);
  Pass pass = {input.steps, state, workspace, look};
  if (!input.lengths.empty()) {
    CAROUSEL_CHECK(input.lengths.size() == static_cast<size_t>(state->rows));
    for (const int length : input.lengths) {
      CAROUSEL_CHECK(length >= 1 && length <= input.steps);
      pass.begins.push_back(input.steps - length);
    }
    *state = ZeroState(sizes_, state->rows);
  }
  return RunLayers(pass, 0, input.x, y);
}

absl::Status RecurrentStack::RunSums(float* sums, int steps,
                                     RecurrentState* state, float* y,
                                     StackWorkspace* workspace) const {
  CAROUSEL_CHECK(steps >= 1 && state->rows >= 1);
  CAROUSEL_CHECK(!sizes_.bidirectional);
  const Pass pass = {steps, state, workspace};
  float* out = OutputOf(pass, 0, y);
  RETURN_IF_ERROR(first_layer().ForwardSums(
      {.steps = steps,
       .rows = state->rows,
       .h = state->h.data(),
       .c = HasMemory(sizes_.cell) ? state->c.data() : nullptr,
       .y = out},
      sums, &workspace->layer));
  return RunLayers(pass, 1, out, y);
}

absl::Status RecurrentStack::RunLayers(const Pass& pass, int k, const float* x,
                                       float* y) const {
  for (; k < sizes_.layers; ++k) {
    float* out = OutputOf(pass, k, y);
    RETURN_IF_ERROR(RunLayer(pass, k, x, out));
    x = out;
  }
  return absl::OkStatus();
}

// Where layer k writes: the last one to y, the others by turns.
float* RecurrentStack::OutputOf(const Pass& pass, int k, float* y) const {
  if (k == sizes_.layers - 1) return y;
  return GrowTo(static_cast<size_t>(pass.cells() * sizes_.outputs()),
                &pass.workspace->layers[k % 2]);
}

absl::Status RecurrentStack::RunLayer(const Pass& pass, int k, const float* x,
                                      float* y) const {
  if (sizes_.bidirectional) {
    RETURN_IF_ERROR(RunBothDirections(pass, k, x, y));
  } else {
    RETURN_IF_ERROR(RunDirection(pass, k, 0, x, y));
  }
  if (sizes_.residual && k > 0) {
    const int64_t count = pass.cells() * sizes_.InputWidth(k);
    for (int64_t i = 0; i < count; ++i) y[i] += x[i];
  }
  return absl::OkStatus();
}

absl::Status RecurrentStack::RunBothDirections(const Pass& pass, int k,
                                               const float* x, float* y) const {
  StackWorkspace& workspace = *pass.workspace;
  const int64_t cells = pass.cells();
  const int64_t width = sizes_.InputWidth(k);
  const int64_t hidden = sizes_.hidden;
  float* one =
      GrowTo(static_cast<size_t>(cells * hidden), &workspace.direction);
  RETURN_IF_ERROR(RunDirection(pass, k, 0, x, one));
  for (int64_t cell = 0; cell < cells; ++cell) {
    std::copy_n(one + cell * hidden, hidden, y + cell * 2 * hidden);
  }
  std::vector<int64_t> first = pass.begins;
  first.resize(static_cast<size_t>(pass.state->rows));
  float* reversed =
      GrowTo(static_cast<size_t>(cells * width), &workspace.reversed);
  ReverseRows(first, pass.steps, width, x, width, reversed, width);
  RETURN_IF_ERROR(RunDirection(pass, k, 1, reversed, one));
  ReverseRows(first, pass.steps, hidden, one, hidden, y + hidden, 2 * hidden);
  return absl::OkStatus();
}

// Padding is computed like text; where a row's text begins the steps are cut,
// and its state is zeroed.
absl::Status RecurrentStack::RunDirection(const Pass& pass, int k, int d,
                                          const float* x, float* y) const {
  const auto index = static_cast<size_t>(k * sizes_.directions() + d);
  const int64_t hidden = sizes_.hidden;
  const int64_t rows = pass.state->rows;
  const int64_t at = static_cast<int64_t>(index) * rows * hidden;
  float* h = pass.state->h.data() + at;
  float* c = HasMemory(sizes_.cell) ? pass.state->c.data() + at : nullptr;
  for (int64_t t = 0; t < pass.steps;) {
    if (pass.look != nullptr) RETURN_IF_ERROR((*pass.look)());
    int64_t end = pass.steps;
    for (size_t n = 0; n < pass.begins.size(); ++n) {
      const int64_t begin = pass.begins[n];
      if (begin > t) end = std::min(end, begin);
      if (begin != t) continue;
      const auto row = static_cast<int64_t>(n) * hidden;
      std::fill_n(h + row, hidden, 0.0f);
      if (c != nullptr) std::fill_n(c + row, hidden, 0.0f);
    }
    const int together = LargestBucket(static_cast<int>(end - t),
                                       pass.look ? kLookSteps : kMaxSteps);
    RETURN_IF_ERROR(
        cells_[index]->Forward({.steps = together,
                                .rows = rows,
                                .x = x + t * rows * sizes_.InputWidth(k),
                                .h = h,
                                .c = c,
                                .y = y + t * rows * hidden},
                               &pass.workspace->layer));
    t += together;
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
