// SPDX-License-Identifier: Apache-2.0
//
// The classifier as loops over its equations, in double. Shapes and names as in
// model/layers/classifier.h.

#ifndef CAROUSEL_TESTS_TESTING_REFERENCE_CLASSIFIER_H_
#define CAROUSEL_TESTS_TESTING_REFERENCE_CLASSIFIER_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "model/layers/classifier.h"
#include "tests/testing/reference_pooling.h"
#include "tests/testing/reference_recurrent.h"

namespace carousel {

struct ReferenceClassifier {
  ClassifierSizes sizes;
  std::vector<Doubles> weights;  // in the order of WeightSpecs

  // As ReferenceStack's; and of what the linear layer reads (N, P).
  std::vector<std::vector<float>> masks;
  std::vector<float> pooled_mask;

  // Rows are the last lengths[n] of the steps of `tokens` (T, N).
  std::vector<Doubles> Probabilities(
      const std::vector<int32_t>& tokens,
      const std::vector<int32_t>& lengths) const {
    const size_t rows = lengths.size();
    const size_t steps = tokens.size() / rows;
    const auto width = static_cast<size_t>(sizes.rnn.outputs());
    ReferencePooling pooling = {
        .sizes = sizes.pooling_sizes(),
        .steps = steps,
        .rows = rows,
        .first = {},
        .weights = Between(PlaceOfPooling(), weights.size() - 2),
        .states = Doubles(steps * rows * width)};
    for (size_t n = 0; n < rows; ++n) {
      pooling.first.push_back(static_cast<int32_t>(steps) - lengths[n]);
      const auto y = StatesOf(tokens, static_cast<size_t>(pooling.first[n]), n,
                              rows, steps);
      for (size_t t = 0; t < steps; ++t) {
        for (size_t k = 0; k < width; ++k) {
          pooling.states[(t * rows + n) * width + k] = y[t][k];
        }
      }
    }
    std::vector<Doubles> result;
    for (size_t n = 0; n < rows; ++n) {
      Doubles features = pooling.Row(n);
      for (size_t k = 0; !pooled_mask.empty() && k < features.size(); ++k) {
        features[k] *=
            static_cast<double>(pooled_mask[n * features.size() + k]);
      }
      Doubles logits = Times(weights[weights.size() - 2], features);
      for (size_t k = 0; k < logits.size(); ++k) logits[k] += weights.back()[k];
      result.push_back(ReferenceSoftmax(logits));
    }
    return result;
  }

  // Sum over the labels that are not negative of -q . log p.
  double Loss(const std::vector<int32_t>& tokens,
              const std::vector<int32_t>& lengths,
              const std::vector<int32_t>& labels, double smoothing) const {
    const auto p = Probabilities(tokens, lengths);
    double loss = 0;
    for (size_t n = 0; n < labels.size(); ++n) {
      if (labels[n] < 0) continue;
      for (size_t k = 0; k < p[n].size(); ++k) {
        const double q =
            (k == static_cast<size_t>(labels[n]) ? 1 - smoothing : 0) +
            smoothing / static_cast<double>(p[n].size());
        loss -= q * std::log(p[n][k]);
      }
    }
    return loss;
  }

 private:
  size_t PlaceOfPooling() const {
    return 1 + 4 * static_cast<size_t>(sizes.rnn.layers) *
                   static_cast<size_t>(sizes.rnn.directions());
  }

  std::vector<Doubles> Between(size_t begin, size_t end) const {
    return {weights.begin() + static_cast<long>(begin),
            weights.begin() + static_cast<long>(end)};
  }

  std::vector<Doubles> StatesOf(const std::vector<int32_t>& tokens,
                                size_t first, size_t n, size_t rows,
                                size_t steps) const {
    const auto width = static_cast<size_t>(sizes.embedding);
    std::vector<Doubles> x;
    std::vector<uint8_t> resets(steps);
    resets[first] = 1;
    for (size_t t = 0; t < steps; ++t) {
      const auto begin =
          weights[0].begin() +
          static_cast<long>(static_cast<size_t>(tokens[t * rows + n]) * width);
      x.emplace_back(begin, begin + static_cast<long>(width));
    }
    const ReferenceStack stack = {.sizes = sizes.rnn,
                                  .weights = Between(1, PlaceOfPooling()),
                                  .masks = masks,
                                  .weight_masks = {}};
    std::vector<ReferenceState> states = stack.ZeroStates();
    return stack.Run(x, resets, n, rows, &states);
  }
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_REFERENCE_CLASSIFIER_H_
