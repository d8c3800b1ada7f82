// SPDX-License-Identifier: Apache-2.0
//
// Attention as loops over its equations, in double. Shapes and names as in
// model/layers/attention.h.

#ifndef CAROUSEL_TESTS_TESTING_REFERENCE_ATTENTION_H_
#define CAROUSEL_TESTS_TESTING_REFERENCE_ATTENTION_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "model/layers/attention.h"
#include "tests/testing/gradient_check.h"

namespace carousel {

// exp(score) / sum of exp(score).
inline Doubles ReferenceSoftmax(const Doubles& scores) {
  double sum = 0;
  for (double score : scores) sum += std::exp(score);
  Doubles result;
  for (double score : scores) result.push_back(std::exp(score) / sum);
  return result;
}

struct ReferenceAttention {
  AttentionSizes sizes;
  size_t source_steps, rows, steps;  // S, N, T
  std::vector<int32_t> first;        // (N)
  std::vector<Doubles> weights;      // in the order of AttentionWeightSpecs
  Doubles memory;                    // (S, N, M)
  Doubles queries;                   // (T, N, Q)

  // Element (row, column) of weight `i`.
  double At(size_t i, size_t row, size_t column) const {
    const size_t rows_of_weight =
        sizes.kind == AttentionKind::kGeneral
            ? static_cast<size_t>(sizes.query)
            : (i == 2 ? 1 : static_cast<size_t>(sizes.units));
    return weights[i][row * (weights[i].size() / rows_of_weight) + column];
  }

  double Score(const double* q, const double* m) const {
    const auto query = static_cast<size_t>(sizes.query);
    const auto width = static_cast<size_t>(sizes.memory);
    double score = 0;
    if (sizes.kind == AttentionKind::kAdditive) {
      for (size_t a = 0; a < static_cast<size_t>(sizes.units); ++a) {
        double sum = 0;
        for (size_t k = 0; k < query; ++k) sum += At(0, a, k) * q[k];
        for (size_t k = 0; k < width; ++k) sum += At(1, a, k) * m[k];
        score += At(2, 0, a) * std::tanh(sum);
      }
      return score;
    }
    for (size_t i = 0; i < query; ++i) {
      if (sizes.kind == AttentionKind::kDot) score += q[i] * m[i];
      if (sizes.kind == AttentionKind::kGeneral) {
        for (size_t k = 0; k < width; ++k) score += q[i] * At(0, i, k) * m[k];
      }
    }
    return score;
  }

  // a over the real steps of a row.
  Doubles Alignment(size_t t, size_t n) const {
    Doubles scores;
    for (size_t s = static_cast<size_t>(first[n]); s < source_steps; ++s) {
      scores.push_back(Score(
          queries.data() + (t * rows + n) * static_cast<size_t>(sizes.query),
          memory.data() + (s * rows + n) * static_cast<size_t>(sizes.memory)));
    }
    return ReferenceSoftmax(scores);
  }

  Doubles Context() const {  // (T, N, M)
    const auto width = static_cast<size_t>(sizes.memory);
    Doubles context(steps * rows * width);
    for (size_t t = 0; t < steps; ++t) {
      for (size_t n = 0; n < rows; ++n) {
        const Doubles a = Alignment(t, n);
        for (size_t i = 0; i < a.size(); ++i) {
          const size_t s = static_cast<size_t>(first[n]) + i;
          for (size_t k = 0; k < width; ++k) {
            context[(t * rows + n) * width + k] +=
                a[i] * memory[(s * rows + n) * width + k];
          }
        }
      }
    }
    return context;
  }
};

inline ReferenceAttention RandomReferenceAttention(const AttentionSizes& sizes,
                                                   size_t source_steps,
                                                   size_t rows, size_t steps,
                                                   uint64_t seed) {
  ReferenceAttention reference = {.sizes = sizes,
                                  .source_steps = source_steps,
                                  .rows = rows,
                                  .steps = steps,
                                  .first = {},
                                  .weights = {},
                                  .memory = {},
                                  .queries = {}};
  Random random(seed);
  for (size_t n = 0; n < rows; ++n) {
    // Row 0 is whole, others start anywhere; the last of many is empty.
    reference.first.push_back(static_cast<int32_t>(
        n == 0 ? 0
               : (n >= 3 && n + 1 == rows ? source_steps
                                          : random.Below(source_steps))));
  }
  const auto specs = AttentionWeightSpecs(sizes).value();
  for (const WeightSpec& spec : specs) {
    reference.weights.push_back(RandomDoubles(
        static_cast<size_t>(NumElements(spec.shape)), 0.9f, ++seed));
  }
  reference.memory = RandomDoubles(
      source_steps * rows * static_cast<size_t>(sizes.memory), 1, seed + 10);
  reference.queries = RandomDoubles(
      steps * rows * static_cast<size_t>(sizes.query), 1, seed + 11);
  return reference;
}

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_REFERENCE_ATTENTION_H_
