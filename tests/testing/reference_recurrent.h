// SPDX-License-Identifier: Apache-2.0
//
// Recurrent cells and stacks as loops over their equations, in double: slow,
// obvious, and the judge of everything that is fast. Equations, shapes and
// names as in model/onednn/cell.h and model/layers/recurrent_stack.h.

#ifndef CAROUSEL_TESTS_TESTING_REFERENCE_RECURRENT_H_
#define CAROUSEL_TESTS_TESTING_REFERENCE_RECURRENT_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "model/base/random.h"
#include "model/layers/recurrent_stack.h"
#include "model/onednn/cell.h"

namespace carousel {

using Doubles = std::vector<double>;

inline double ReferenceSigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// matrix (rows, columns) times vector (columns).
inline Doubles Times(const Doubles& matrix, const Doubles& vector) {
  const size_t columns = vector.size();
  Doubles result(matrix.size() / columns);
  for (size_t r = 0; r < result.size(); ++r) {
    for (size_t c = 0; c < columns; ++c) {
      result[r] += matrix[r * columns + c] * vector[c];
    }
  }
  return result;
}

struct ReferenceState {
  Doubles h;
  Doubles c;
};

// One step of one cell for one row; `w` is weight_ih, weight_hh, bias_ih,
// bias_hh.
inline void ReferenceCellStep(Cell cell, absl::Span<const Doubles> w,
                              const Doubles& x, ReferenceState* state) {
  Doubles& h = state->h;
  const size_t hidden = h.size();
  Doubles a = Times(w[0], x);  // of the inputs
  Doubles b = Times(w[1], h);  // of the state before
  for (size_t k = 0; k < a.size(); ++k) {
    a[k] += w[2][k];
    b[k] += w[3][k];
  }
  for (size_t k = 0; k < hidden; ++k) {
    const auto sum = [&](size_t gate) {
      return a[gate * hidden + k] + b[gate * hidden + k];
    };
    if (cell == Cell::kTanhRnn) h[k] = std::tanh(sum(0));
    if (cell == Cell::kReluRnn) h[k] = std::max(0.0, sum(0));
    if (cell == Cell::kLstm) {
      state->c[k] = ReferenceSigmoid(sum(1)) * state->c[k] +
                    ReferenceSigmoid(sum(0)) * std::tanh(sum(2));
      h[k] = ReferenceSigmoid(sum(3)) * std::tanh(state->c[k]);
    }
    if (cell == Cell::kGru) {
      const double r = ReferenceSigmoid(sum(0));
      const double z = ReferenceSigmoid(sum(1));
      const double n = std::tanh(a[2 * hidden + k] + r * b[2 * hidden + k]);
      h[k] = (1 - z) * n + z * h[k];
    }
  }
}

struct ReferenceStack {
  StackSizes sizes;
  std::vector<Doubles> weights;  // in the order of StackWeightSpecs

  // For dropout: [k] multiplies what layer k reads (T, N, width), [L] what
  // comes out. Empty: none.
  std::vector<std::vector<float>> masks;
  // [k * D + d] multiplies weight_hh. Empty: none.
  std::vector<std::vector<float>> weight_masks;

  std::vector<ReferenceState> ZeroStates() const {
    const auto h = static_cast<size_t>(sizes.hidden);
    return std::vector<ReferenceState>(
        static_cast<size_t>(sizes.layers * sizes.directions()),
        {Doubles(h), Doubles(h)});
  }

  // weight_ih, weight_hh (under its mask), bias_ih, bias_hh.
  std::vector<Doubles> CellWeightsOf(size_t cell) const {
    const auto first = weights.begin() + static_cast<long>(4 * cell);
    std::vector<Doubles> own(first, first + 4);
    if (weight_masks.empty()) return own;
    for (size_t i = 0; i < own[1].size(); ++i) {
      own[1][i] *= static_cast<double>(weight_masks[cell][i]);
    }
    return own;
  }

  void Mask(size_t k, size_t place, Doubles* x) const {
    if (masks.empty() || masks[k].empty()) return;
    for (size_t i = 0; i < x->size(); ++i) {
      (*x)[i] *= static_cast<double>(masks[k][place * x->size() + i]);
    }
  }

  // Runs row n of N over `x`, one vector a step; resets[t] = 1 zeroes the
  // states before step t. The reverse direction reads from the last step back
  // to the first reset, and gives zeros before it.
  std::vector<Doubles> Run(std::vector<Doubles> x,
                           const std::vector<uint8_t>& resets, size_t n,
                           size_t rows,
                           std::vector<ReferenceState>* states) const {
    const size_t steps = x.size();
    const auto hidden = static_cast<size_t>(sizes.hidden);
    const size_t directions = sizes.bidirectional ? 2 : 1;
    const auto reset = std::find(resets.begin(), resets.end(), 1);
    const size_t first =
        reset == resets.end() ? 0 : static_cast<size_t>(reset - resets.begin());
    for (size_t k = 0; k < static_cast<size_t>(sizes.layers); ++k) {
      std::vector<Doubles> y(steps, Doubles(directions * hidden));
      for (size_t t = 0; t < steps; ++t) Mask(k, t * rows + n, &x[t]);
      for (size_t d = 0; d < directions; ++d) {
        const auto own = CellWeightsOf(k * directions + d);
        ReferenceState& state = (*states)[k * directions + d];
        for (size_t i = d == 0 ? 0 : first; i < steps; ++i) {
          const size_t t = d == 0 ? i : steps - 1 + first - i;
          if (resets[i] != 0) state = {Doubles(hidden), Doubles(hidden)};
          ReferenceCellStep(sizes.cell, own, x[t], &state);
          std::copy(state.h.begin(), state.h.end(),
                    y[t].begin() + static_cast<long>(d * hidden));
        }
      }
      for (size_t t = 0; sizes.residual && k > 0 && t < steps; ++t) {
        for (size_t i = 0; i < y[t].size(); ++i) y[t][i] += x[t][i];
      }
      x = std::move(y);
    }
    for (size_t t = 0; t < steps; ++t) {
      Mask(static_cast<size_t>(sizes.layers), t * rows + n, &x[t]);
    }
    return x;
  }
};

// Random numbers in (-0.5, 0.5): large enough for every gate to bend. Through
// float, so that both sides start from equal numbers.
inline std::vector<Doubles> RandomReferenceWeights(
    absl::Span<const WeightSpec> specs, uint64_t seed) {
  std::vector<Doubles> weights;
  Random random(seed);
  for (const WeightSpec& spec : specs) {
    Doubles& weight =
        weights.emplace_back(static_cast<size_t>(NumElements(spec.shape)));
    for (double& value : weight) value = random.Uniform(-0.5f, 0.5f);
  }
  return weights;
}

inline std::vector<Tensor> ToTensors(absl::Span<const WeightSpec> specs,
                                     const std::vector<Doubles>& weights) {
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < specs.size(); ++i) {
    const std::vector<float> values(weights[i].begin(), weights[i].end());
    tensors.push_back(Tensor::FromFloats(specs[i].shape, values));
  }
  return tensors;
}

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_REFERENCE_RECURRENT_H_
