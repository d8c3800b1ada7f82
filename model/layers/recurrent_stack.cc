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
constexpr int kMaxSumRows = 64;  // of one product of inputs that repeat
constexpr int kLookSteps = 8;    // between two looks

// Where rows begin, (N); nothing if all have every step.
std::vector<int64_t> FirstSteps(int steps, int rows,
                                absl::Span<const int> lengths) {
  CAROUSEL_CHECK(lengths.empty() ||
                 lengths.size() == static_cast<size_t>(rows));
  std::vector<int64_t> first;
  for (int length : lengths) {
    CAROUSEL_CHECK(length >= 1 && length <= steps);
    first.push_back(steps - length);
  }
  return first;
}

// Of so many that are left, those of the next call.
int64_t StepsOf(int64_t left, bool look) {
  return LargestBucket(static_cast<int>(left), look ? kLookSteps : kMaxSteps);
}

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
  if (!lengths.empty()) *state = ZeroState(sizes_, rows);
  const std::vector<int64_t> first = FirstSteps(steps, rows, lengths);
  return RunLayers(
      0, {.x = x, .steps = steps, .first = first, .state = state, .look = look},
      y, workspace);
}

absl::Status RecurrentStack::RunRepeated(const Repeated& inputs,
                                         RecurrentState* state, float* y,
                                         absl::Span<const int> lengths,
                                         StackWorkspace* workspace,
                                         const Look* look) const {
  CAROUSEL_CHECK(!lengths.empty() && !inputs.places.empty() &&
                 inputs.places.size() % lengths.size() == 0);
  const auto rows = static_cast<int>(lengths.size());
  const auto steps = static_cast<int>(inputs.places.size() / lengths.size());
  *state = ZeroState(sizes_, rows);
  const std::vector<int64_t> first = FirstSteps(steps, rows, lengths);
  return RunLayers(0,
                   {.steps = steps,
                    .first = first,
                    .repeated = &inputs,
                    .state = state,
                    .look = look},
                   y, workspace);
}

// From layer k on.
absl::Status RecurrentStack::RunLayers(int k, Pass pass, float* y,
                                       StackWorkspace* workspace) const {
  for (; k < sizes_.layers; ++k) {
    pass.y = OutputOf(k, int64_t{pass.steps} * pass.state->rows, y, workspace);
    RETURN_IF_ERROR(RunLayer(k, pass, workspace));
    pass.x = pass.y;
    pass.repeated = nullptr;
  }
  return absl::OkStatus();
}

absl::Status RecurrentStack::RunSums(float* sums, int steps, int rows,
                                     RecurrentState* state, float* y,
                                     StackWorkspace* workspace) const {
  CAROUSEL_CHECK(steps >= 1 && rows >= 1 && state->rows == rows);
  CAROUSEL_CHECK(!sizes_.bidirectional);
  float* x = OutputOf(0, int64_t{steps} * rows, y, workspace);
  const Rows at = RowsOf(0, 0, state);
  RETURN_IF_ERROR(first_layer().ForwardSums(
      {.steps = steps, .rows = rows, .h = at.h, .c = at.c, .y = x}, sums,
      &workspace->layer));
  return RunLayers(1, {.x = x, .steps = steps, .state = state}, y, workspace);
}

// Where layer k writes: the last one to y, the others by turns.
float* RecurrentStack::OutputOf(int k, int64_t cells, float* y,
                                StackWorkspace* workspace) const {
  if (k == sizes_.layers - 1) return y;
  return GrowTo(static_cast<size_t>(cells * sizes_.outputs()),
                &workspace->layers[k % 2]);
}

absl::Status RecurrentStack::RunLayer(int k, const Pass& pass,
                                      StackWorkspace* workspace) const {
  RETURN_IF_ERROR(RunForwards(k, pass, workspace));
  if (sizes_.bidirectional) {
    RETURN_IF_ERROR(RunBackwards(k, pass, workspace));
  }
  if (!sizes_.residual || k == 0) return absl::OkStatus();
  const int64_t size =
      int64_t{pass.steps} * pass.state->rows * sizes_.outputs();
  for (int64_t i = 0; i < size; ++i) pass.y[i] += pass.x[i];
  return absl::OkStatus();
}

// Padding is computed like text; where a row's text begins the steps are cut,
// and its state is zeroed.
absl::Status RecurrentStack::RunForwards(int k, const Pass& pass,
                                         StackWorkspace* workspace) const {
  RETURN_IF_ERROR(SumRepeated(k, 0, pass, workspace));
  const int64_t hidden = sizes_.hidden;
  const Rows at = RowsOf(k, 0, pass.state);
  for (int64_t t = 0; t < pass.steps;) {
    int64_t end = pass.steps;
    for (size_t n = 0; n < pass.first.size(); ++n) {
      const int64_t first = pass.first[n];
      if (first > t) end = std::min(end, first);
      if (first != t) continue;
      const int64_t row = static_cast<int64_t>(n) * hidden;
      std::fill_n(at.h + row, hidden, 0.0f);
      if (at.c != nullptr) std::fill_n(at.c + row, hidden, 0.0f);
    }
    const int64_t steps = StepsOf(end - t, pass.look != nullptr);
    RETURN_IF_ERROR(RunCell(k, 0, pass, t, steps, workspace));
    t += steps;
  }
  return absl::OkStatus();
}

// All texts end at the last step. Where one begins the steps are cut, and its
// state is kept: what follows is padding.
absl::Status RecurrentStack::RunBackwards(int k, const Pass& pass,
                                          StackWorkspace* workspace) const {
  RETURN_IF_ERROR(SumRepeated(k, 1, pass, workspace));
  const int64_t hidden = sizes_.hidden;
  const int64_t size = pass.state->rows * hidden;
  const Rows at = RowsOf(k, 1, pass.state);
  float* ends = GrowTo(static_cast<size_t>(2 * size), &workspace->ends);
  for (int64_t t = pass.steps; t > 0;) {
    int64_t begin = 0;
    for (int64_t first : pass.first) {
      if (first < t) begin = std::max(begin, first);
    }
    const int64_t steps = StepsOf(t - begin, pass.look != nullptr);
    t -= steps;
    RETURN_IF_ERROR(RunCell(k, 1, pass, t, steps, workspace));
    for (size_t n = 0; n < pass.first.size(); ++n) {
      if (pass.first[n] != t) continue;
      const int64_t row = static_cast<int64_t>(n) * hidden;
      std::copy_n(at.h + row, hidden, ends + row);
      if (at.c != nullptr) std::copy_n(at.c + row, hidden, ends + size + row);
    }
  }
  if (pass.first.empty()) return absl::OkStatus();
  std::copy_n(ends, size, at.h);
  if (at.c != nullptr) std::copy_n(ends + size, size, at.c);
  return absl::OkStatus();
}

// The steps [t, t + steps) in one direction.
absl::Status RecurrentStack::RunCell(int k, int d, const Pass& pass, int64_t t,
                                     int64_t steps,
                                     StackWorkspace* workspace) const {
  if (pass.look != nullptr) RETURN_IF_ERROR((*pass.look)());
  const int64_t before = t * pass.state->rows;
  const Rows at = RowsOf(k, d, pass.state);
  ServedLayer::Call call = {
      .steps = steps,
      .rows = pass.state->rows,
      .h = at.h,
      .c = at.c,
      .y = pass.y + before * sizes_.outputs() + d * sizes_.hidden,
      .y_stride = sizes_.outputs(),
      .backwards = d == 1};
  if (pass.repeated == nullptr) {
    call.x = pass.x + before * sizes_.InputWidth(k);
  } else {
    call.sums = workspace->sums.data();
    call.places = pass.repeated->places.data() + before;
  }
  return cell(k, d).Forward(call, &workspace->layer);
}

// To the workspace's `sums`, for one direction.
absl::Status RecurrentStack::SumRepeated(int k, int d, const Pass& pass,
                                         StackWorkspace* workspace) const {
  if (pass.repeated == nullptr) return absl::OkStatus();
  const ServedLayer& layer = cell(k, d);
  const int64_t width = GateCount(sizes_.cell) * int64_t{sizes_.hidden};
  const int64_t distinct = pass.repeated->distinct;
  float* sums = GrowTo(static_cast<size_t>(distinct * width), &workspace->sums);
  for (int64_t done = 0, now = 0; done < distinct; done += now) {
    now = LargestBucket(
        static_cast<int>(std::min<int64_t>(distinct - done, kMaxSumRows)),
        kMaxSumRows);
    RETURN_IF_ERROR(layer.InputSums(pass.repeated->x + done * sizes_.inputs,
                                    now, sums + done * width,
                                    &workspace->layer));
  }
  return absl::OkStatus();
}

RecurrentStack::Rows RecurrentStack::RowsOf(int k, int d,
                                            RecurrentState* state) const {
  const int64_t cell = k * sizes_.directions() + d;
  const int64_t at = cell * state->rows * sizes_.hidden;
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
