// SPDX-License-Identifier: Apache-2.0
//
// The language model as loops over its equations, in double: slow, obvious, and
// the judge of everything that is fast. Shapes and names as in
// model/layers/language_model.h.

#ifndef CAROUSEL_TESTS_TESTING_REFERENCE_LANGUAGE_MODEL_H_
#define CAROUSEL_TESTS_TESTING_REFERENCE_LANGUAGE_MODEL_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "model/base/random.h"
#include "model/layers/language_model.h"

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

// One step of one LSTM layer for one row; gates i, f, g, o.
inline void ReferenceLstmStep(const Doubles& weight_ih,
                              const Doubles& weight_hh, const Doubles& bias_ih,
                              const Doubles& bias_hh, const Doubles& x,
                              ReferenceState* state) {
  const size_t hidden = state->h.size();
  Doubles sums = Times(weight_ih, x);
  const Doubles recurrent = Times(weight_hh, state->h);
  for (size_t k = 0; k < sums.size(); ++k) {
    sums[k] += recurrent[k] + bias_ih[k] + bias_hh[k];
  }
  for (size_t k = 0; k < hidden; ++k) {
    const double i = ReferenceSigmoid(sums[k]);
    const double f = ReferenceSigmoid(sums[hidden + k]);
    const double g = std::tanh(sums[2 * hidden + k]);
    const double o = ReferenceSigmoid(sums[3 * hidden + k]);
    state->c[k] = f * state->c[k] + i * g;
    state->h[k] = o * std::tanh(state->c[k]);
  }
}

struct ReferenceLanguageModel {
  LanguageModelSizes sizes;
  std::vector<Doubles> weights;  // in the order of WeightSpecs

  // For dropout: [k] multiplies what layer k reads (T, N, width), [L] the top
  // layer's h. Empty: none.
  std::vector<std::vector<float>> masks;

  std::vector<ReferenceState> InitialState() const {
    const auto h = static_cast<size_t>(sizes.hidden);
    return std::vector<ReferenceState>(static_cast<size_t>(sizes.layers),
                                       {Doubles(h), Doubles(h)});
  }

  // Logits after feeding `token` to one row; `cell` selects the row of the
  // masks.
  Doubles Step(int32_t token, size_t cell,
               std::vector<ReferenceState>* state) const {
    const auto e = static_cast<size_t>(sizes.embedding);
    const auto first = weights[0].begin() + static_cast<long>(token * e);
    Doubles x(first, first + static_cast<long>(e));
    size_t next = 1;
    for (size_t k = 0; k < state->size(); ++k, next += 4) {
      Mask(k, cell, &x);
      ReferenceLstmStep(weights[next], weights[next + 1], weights[next + 2],
                        weights[next + 3], x, &(*state)[k]);
      x = (*state)[k].h;
    }
    Mask(state->size(), cell, &x);
    if (sizes.projection) {
      x = Times(weights[next], x);
      for (size_t k = 0; k < e; ++k) x[k] += weights[next + 1][k];
      next += 2;
    }
    Doubles logits = Times(sizes.tied ? weights[0] : weights[next++], x);
    for (size_t v = 0; v < logits.size(); ++v) logits[v] += weights[next][v];
    return logits;
  }

  void Mask(size_t k, size_t cell, Doubles* x) const {
    if (masks.empty() || masks[k].empty()) return;
    for (size_t i = 0; i < x->size(); ++i) {
      (*x)[i] *= static_cast<double>(masks[k][cell * x->size() + i]);
    }
  }

  // Sum of -log softmax(logits)[target] over a stretch (T, N) from zero states.
  double Loss(const std::vector<int32_t>& inputs,
              const std::vector<int32_t>& targets,
              const std::vector<uint8_t>& resets, size_t rows) const {
    double loss = 0;
    for (size_t n = 0; n < rows; ++n) {
      auto state = InitialState();
      for (size_t cell = n; cell < inputs.size(); cell += rows) {
        if (resets[cell] != 0) state = InitialState();
        const Doubles logits = Step(inputs[cell], cell, &state);
        if (targets[cell] >= 0)
          loss += NegativeLogSoftmax(logits, targets[cell]);
      }
    }
    return loss;
  }

  static double NegativeLogSoftmax(const Doubles& logits, int32_t target) {
    double max = logits[0];
    for (double value : logits) max = std::max(max, value);
    double sum = 0;
    for (double value : logits) sum += std::exp(value - max);
    return max + std::log(sum) - logits[static_cast<size_t>(target)];
  }
};

// Random weights in (-0.5, 0.5): large enough for every gate to bend.
inline ReferenceLanguageModel RandomReferenceModel(
    const LanguageModelSizes& sizes, uint64_t seed) {
  ReferenceLanguageModel model{.sizes = sizes, .weights = {}, .masks = {}};
  Random random(seed);
  const auto specs = WeightSpecs(sizes).value();
  for (const WeightSpec& spec : specs) {
    Doubles& weight = model.weights.emplace_back(
        static_cast<size_t>(NumElements(spec.shape)));
    // Through float, so that both sides start from equal numbers.
    for (double& value : weight) value = random.Uniform(-0.5f, 0.5f);
  }
  return model;
}

inline std::vector<Tensor> ToTensors(const ReferenceLanguageModel& model) {
  const auto specs = WeightSpecs(model.sizes).value();
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < specs.size(); ++i) {
    const std::vector<float> values(model.weights[i].begin(),
                                    model.weights[i].end());
    tensors.push_back(Tensor::FromFloats(specs[i].shape, values));
  }
  return tensors;
}

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_REFERENCE_LANGUAGE_MODEL_H_
