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
#include "tests/testing/reference_adaptive_softmax.h"
#include "tests/testing/reference_recurrent.h"

namespace carousel {

struct ReferenceLanguageModel {
  LanguageModelSizes sizes;
  std::vector<Doubles> weights;  // in the order of WeightSpecs

  // For dropout: [k] multiplies what layer k reads (T, N, width), [L] what
  // comes out of the top layer. Empty: none.
  std::vector<std::vector<float>> masks;
  std::vector<float> word_mask;  // (V) multiplies the rows of the embedding

  std::vector<ReferenceState> InitialState() const {
    const auto h = static_cast<size_t>(sizes.hidden);
    return std::vector<ReferenceState>(static_cast<size_t>(sizes.layers),
                                       {Doubles(h), Doubles(h)});
  }

  // The logarithms of the probabilities, which are logits as well.
  Doubles AdaptiveLogits(const Doubles& f, size_t next) const {
    std::vector<Doubles> output(weights.begin() + static_cast<long>(next),
                                weights.end());
    if (sizes.tied) output.insert(output.begin(), weights[0]);
    Doubles logits = ReferenceAdaptiveSoftmax{sizes.adaptive_softmax(), output}
                         .Probabilities(f);
    for (double& value : logits) value = std::log(value);
    return logits;
  }

  // Logits after feeding `token` to one row; `cell` selects the row of the
  // masks.
  Doubles Step(int32_t token, size_t cell,
               std::vector<ReferenceState>* state) const {
    const auto e = static_cast<size_t>(sizes.embedding);
    const auto first = weights[0].begin() + static_cast<long>(token * e);
    Doubles x(first, first + static_cast<long>(e));
    if (!word_mask.empty()) {
      const double factor = word_mask[static_cast<size_t>(token)];
      for (double& value : x) value *= factor;
    }
    size_t next = 1;
    for (size_t k = 0; k < state->size(); ++k, next += 4) {
      Mask(k, cell, &x);
      ReferenceCellStep(sizes.cell,
                        absl::MakeConstSpan(weights).subspan(next, 4), x,
                        &(*state)[k]);
      Doubles y = (*state)[k].h;
      for (size_t i = 0; sizes.residual && k > 0 && i < y.size(); ++i) {
        y[i] += x[i];
      }
      x = y;
    }
    Mask(state->size(), cell, &x);
    if (sizes.projection) {
      x = Times(weights[next], x);
      for (size_t k = 0; k < e; ++k) x[k] += weights[next + 1][k];
      next += 2;
    }
    if (sizes.adaptive()) return AdaptiveLogits(x, next);
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

// See RandomReferenceWeights.
inline ReferenceLanguageModel RandomReferenceModel(
    const LanguageModelSizes& sizes, uint64_t seed) {
  const auto specs = WeightSpecs(sizes).value();
  return {.sizes = sizes,
          .weights = RandomReferenceWeights(specs, seed),
          .masks = {},
          .word_mask = {}};
}

inline std::vector<Tensor> ToTensors(const ReferenceLanguageModel& model) {
  const auto specs = WeightSpecs(model.sizes).value();
  return ToTensors(specs, model.weights);
}

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_REFERENCE_LANGUAGE_MODEL_H_
