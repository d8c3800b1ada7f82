// SPDX-License-Identifier: Apache-2.0
//
// Pooling as loops over its equations, in double. Shapes and names as in
// model/layers/pooling.h.

#ifndef CAROUSEL_TESTS_TESTING_REFERENCE_POOLING_H_
#define CAROUSEL_TESTS_TESTING_REFERENCE_POOLING_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "model/layers/pooling.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/reference_attention.h"

namespace carousel {

struct ReferencePooling {
  PoolingSizes sizes;
  size_t steps, rows;            // T, N
  std::vector<int32_t> first;    // (N)
  std::vector<Doubles> weights;  // in the order of PoolingWeightSpecs
  Doubles states;                // (T, N, W)

  double State(size_t t, size_t n, size_t k) const {
    return states[(t * rows + n) * static_cast<size_t>(sizes.width) + k];
  }

  Doubles Last(size_t n) const {
    const auto width = static_cast<size_t>(sizes.width);
    Doubles last;
    for (size_t k = 0; k < width; ++k) {
      const bool reads_backwards = sizes.bidirectional && k >= width / 2;
      last.push_back(State(
          reads_backwards ? static_cast<size_t>(first[n]) : steps - 1, n, k));
    }
    return last;
  }

  Doubles MaxAndMean(size_t n) const {
    Doubles max, mean;
    for (size_t k = 0; k < static_cast<size_t>(sizes.width); ++k) {
      Doubles values;
      double sum = 0;
      for (auto t = static_cast<size_t>(first[n]); t < steps; ++t) {
        values.push_back(State(t, n, k));
        sum += values.back();
      }
      max.push_back(*std::max_element(values.begin(), values.end()));
      mean.push_back(sum / static_cast<double>(values.size()));
    }
    max.insert(max.end(), mean.begin(), mean.end());
    return max;
  }

  // a over the real steps of a row.
  Doubles Alignment(size_t n) const {
    const auto width = static_cast<size_t>(sizes.width);
    Doubles scores;
    for (auto t = static_cast<size_t>(first[n]); t < steps; ++t) {
      double score = 0;
      for (size_t a = 0; a < static_cast<size_t>(sizes.units); ++a) {
        double sum = weights[1][a];
        for (size_t k = 0; k < width; ++k) {
          sum += weights[0][a * width + k] * State(t, n, k);
        }
        score += weights[2][a] * std::tanh(sum);
      }
      scores.push_back(score);
    }
    return ReferenceSoftmax(scores);
  }

  Doubles Attended(size_t n) const {
    const Doubles a = Alignment(n);
    Doubles result(static_cast<size_t>(sizes.width));
    for (size_t i = 0; i < a.size(); ++i) {
      for (size_t k = 0; k < result.size(); ++k) {
        result[k] += a[i] * State(static_cast<size_t>(first[n]) + i, n, k);
      }
    }
    return result;
  }

  Doubles Row(size_t n) const {
    if (static_cast<size_t>(first[n]) == steps) {
      return Doubles(static_cast<size_t>(PooledWidth(sizes)));
    }
    switch (sizes.kind) {
      case PoolingKind::kLast:
        return Last(n);
      case PoolingKind::kMaxMean:
        return MaxAndMean(n);
      case PoolingKind::kConcat: {
        Doubles row = Last(n);
        const Doubles others = MaxAndMean(n);
        row.insert(row.end(), others.begin(), others.end());
        return row;
      }
      case PoolingKind::kAttention:
        break;
    }
    return Attended(n);
  }

  Doubles Pooled() const {  // (N, P)
    Doubles pooled;
    for (size_t n = 0; n < rows; ++n) {
      const Doubles row = Row(n);
      pooled.insert(pooled.end(), row.begin(), row.end());
    }
    return pooled;
  }
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_REFERENCE_POOLING_H_
