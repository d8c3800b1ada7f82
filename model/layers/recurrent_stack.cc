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

namespace carousel {
namespace {

// Steps of one call of a layer; longer texts go in turn.
constexpr int kMaxSteps = 32;
constexpr int kLookSteps = 8;    // between two looks
constexpr int kMaxSumRows = 64;  // of one product of inputs that repeat

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

  int steps = 0;  // T
  RecurrentState* state = nullptr;
  StackWorkspace* workspace = nullptr;
  const Look* look = nullptr;

  // (N): at which steps texts begin. Empty: they go on from the state.
  std::vector<int64_t> begins = {};

  // Of the first layer, as in StackInput.
  absl::Span<const int32_t> places = {};
  int64_t distinct = 0;

  // Of the layer that is run.
  int k = 0;
  const float* x = nullptr;
  float* y = nullptr;
};

absl::Status RecurrentStack::Run(const StackInput& input, RecurrentState* state,
                                 float* y, StackWorkspace* workspace,
                                 const Look* look) const {
  CAROUSEL_CHECK(input.steps >= 1 && state->rows >= 1);
  Pass pass = {.steps = input.steps,
               .state = state,
               .workspace = workspace,
               .look = look,
               .places = input.places,
               .distinct = input.distinct};
  CAROUSEL_CHECK(input.places.empty() ||
                 static_cast<int64_t>(input.places.size()) == pass.cells());
  if (!input.lengths.empty()) {
    CAROUSEL_CHECK(input.lengths.size() == static_cast<size_t>(state->rows));
    for (const int length : input.lengths) {
      CAROUSEL_CHECK(length >= 1 && length <= input.steps);
      pass.begins.push_back(input.steps - length);
    }
    *state = ZeroState(sizes_, state->rows);
  }
  return RunLayers(std::move(pass), 0, input.x, y);
}

absl::Status RecurrentStack::RunSums(float* sums, int steps,
                                     RecurrentState* state, float* y,
                                     StackWorkspace* workspace) const {
  CAROUSEL_CHECK(steps >= 1 && state->rows >= 1);
  CAROUSEL_CHECK(!sizes_.bidirectional);
  Pass pass = {.steps = steps, .state = state, .workspace = workspace};
  float* out = OutputOf(pass, 0, y);
  const Rows at = RowsOf(0, 0, state);
  RETURN_IF_ERROR(first_layer().ForwardSums(
      {.steps = steps, .rows = state->rows, .h = at.h, .c = at.c, .y = out},
      sums, &workspace->layer));
  return RunLayers(std::move(pass), 1, out, y);
}

absl::Status RecurrentStack::RunLayers(Pass pass, int k, const float* x,
                                       float* y) const {
  pass.x = x;
  for (pass.k = k; pass.k < sizes_.layers; ++pass.k) {
    pass.y = OutputOf(pass, pass.k, y);
    RETURN_IF_ERROR(RunLayer(pass));
    pass.x = pass.y;
    pass.places = {};
  }
  return absl::OkStatus();
}

// Where layer k writes: the last one to y, the others by turns.
float* RecurrentStack::OutputOf(const Pass& pass, int k, float* y) const {
  if (k == sizes_.layers - 1) return y;
  return GrowTo(static_cast<size_t>(pass.cells() * sizes_.outputs()),
                &pass.workspace->layers[k % 2]);
}

absl::Status RecurrentStack::RunLayer(const Pass& pass) const {
  RETURN_IF_ERROR(RunForwards(pass));
  if (sizes_.bidirectional) RETURN_IF_ERROR(RunBackwards(pass));
  if (sizes_.residual && pass.k > 0) {
    const int64_t count = pass.cells() * sizes_.InputWidth(pass.k);
    for (int64_t i = 0; i < count; ++i) pass.y[i] += pass.x[i];
  }
  return absl::OkStatus();
}

// Padding is computed like text; where a row's text begins the steps are cut,
// and its state is zeroed.
absl::Status RecurrentStack::RunForwards(const Pass& pass) const {
  RETURN_IF_ERROR(SumRepeated(pass, 0));
  const int64_t hidden = sizes_.hidden;
  const Rows at = RowsOf(pass.k, 0, pass.state);
  for (int64_t t = 0; t < pass.steps;) {
    int64_t end = pass.steps;
    for (size_t n = 0; n < pass.begins.size(); ++n) {
      const int64_t begin = pass.begins[n];
      if (begin > t) end = std::min(end, begin);
      if (begin != t) continue;
      const auto row = static_cast<int64_t>(n) * hidden;
      std::fill_n(at.h + row, hidden, 0.0f);
      if (at.c != nullptr) std::fill_n(at.c + row, hidden, 0.0f);
    }
    const int64_t steps = StepsTogether(pass, end - t);
    RETURN_IF_ERROR(RunSteps(pass, 0, t, steps));
    t += steps;
  }
  return absl::OkStatus();
}

// All texts end at the last step. Where one begins the steps are cut, and its
// state is kept: what follows is padding.
absl::Status RecurrentStack::RunBackwards(const Pass& pass) const {
  RETURN_IF_ERROR(SumRepeated(pass, 1));
  const int64_t hidden = sizes_.hidden;
  const int64_t size = pass.state->rows * hidden;
  const Rows at = RowsOf(pass.k, 1, pass.state);
  float* ends = GrowTo(static_cast<size_t>(2 * size), &pass.workspace->ends);
  for (int64_t t = pass.steps; t > 0;) {
    int64_t end = 0;
    for (int64_t begin : pass.begins) {
      if (begin < t) end = std::max(end, begin);
    }
    const int64_t steps = StepsTogether(pass, t - end);
    t -= steps;
    RETURN_IF_ERROR(RunSteps(pass, 1, t, steps));
    for (size_t n = 0; n < pass.begins.size(); ++n) {
      if (pass.begins[n] != t) continue;
      const auto row = static_cast<int64_t>(n) * hidden;
      std::copy_n(at.h + row, hidden, ends + row);
      if (at.c != nullptr) std::copy_n(at.c + row, hidden, ends + size + row);
    }
  }
  if (pass.begins.empty()) return absl::OkStatus();
  std::copy_n(ends, size, at.h);
  if (at.c != nullptr) std::copy_n(ends + size, size, at.c);
  return absl::OkStatus();
}

// Of so many that are left, those of the next call.
int64_t RecurrentStack::StepsTogether(const Pass& pass, int64_t left) const {
  return NextPiece(static_cast<int>(left),
                   pass.look != nullptr ? kLookSteps : kMaxSteps,
                   cells_.front()->wants_few_shapes());
}

// The steps [t, t + steps) in one direction.
absl::Status RecurrentStack::RunSteps(const Pass& pass, int d, int64_t t,
                                      int64_t steps) const {
  if (pass.look != nullptr) RETURN_IF_ERROR((*pass.look)());
  const int64_t before = t * pass.state->rows;
  const Rows at = RowsOf(pass.k, d, pass.state);
  ServedLayer::Call call = {
      .steps = steps,
      .rows = pass.state->rows,
      .h = at.h,
      .c = at.c,
      .y = pass.y + before * sizes_.outputs() + int64_t{d} * sizes_.hidden,
      .y_stride = sizes_.outputs(),
      .backwards = d == 1};
  if (pass.places.empty()) {
    call.x = pass.x + before * sizes_.InputWidth(pass.k);
  } else {
    call.sums = pass.workspace->sums.data();
    call.places = pass.places.data() + before;
  }
  return cell(pass.k, d).Forward(call, &pass.workspace->layer);
}

// To the workspace's `sums`, if inputs repeat.
absl::Status RecurrentStack::SumRepeated(const Pass& pass, int d) const {
  if (pass.places.empty()) return absl::OkStatus();
  const int64_t width = GateCount(sizes_.cell) * int64_t{sizes_.hidden};
  float* sums =
      GrowTo(static_cast<size_t>(pass.distinct * width), &pass.workspace->sums);
  int rows = 0;
  for (int64_t done = 0; done < pass.distinct; done += rows) {
    if (pass.look != nullptr) RETURN_IF_ERROR((*pass.look)());
    rows = NextPiece(static_cast<int>(pass.distinct - done), kMaxSumRows,
                     cell(0, d).wants_few_shapes());
    RETURN_IF_ERROR(cell(0, d).InputSums(pass.x + done * sizes_.inputs, rows,
                                         sums + done * width,
                                         &pass.workspace->layer));
  }
  return absl::OkStatus();
}

RecurrentStack::Rows RecurrentStack::RowsOf(int k, int d,
                                            RecurrentState* state) const {
  const int64_t index = k * sizes_.directions() + d;
  const int64_t at = index * state->rows * sizes_.hidden;
  return {.h = state->h.data() + at,
          .c = HasMemory(sizes_.cell) ? state->c.data() + at : nullptr};
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
