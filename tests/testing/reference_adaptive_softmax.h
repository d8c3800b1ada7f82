// SPDX-License-Identifier: Apache-2.0
//
// The adaptive softmax as loops over its equations, in double. Shapes and names
// as in model/layers/adaptive_softmax.h.

#ifndef CAROUSEL_TESTS_TESTING_REFERENCE_ADAPTIVE_SOFTMAX_H_
#define CAROUSEL_TESTS_TESTING_REFERENCE_ADAPTIVE_SOFTMAX_H_

#include <vector>

#include "absl/types/span.h"
#include "model/layers/adaptive_softmax.h"
#include "tests/testing/reference_attention.h"
#include "tests/testing/reference_recurrent.h"

namespace carousel {

struct ReferenceAdaptiveSoftmax {
  AdaptiveSoftmaxSizes sizes;
  absl::Span<const Doubles> weights;  // as those of AdaptiveSoftmax

  // P of every word for the features f (E).
  Doubles Probabilities(const Doubles& f) const {
    const Doubles head = ReferenceSoftmax(HeadLogits(f));
    Doubles result(head.begin(), head.begin() + sizes.cutoffs[0]);
    for (int k = 0; k < sizes.clusters(); ++k) {
      const double cluster = head[static_cast<size_t>(sizes.cutoffs[0] + k)];
      for (double p : ReferenceSoftmax(ClusterLogits(k, f))) {
        result.push_back(cluster * p);
      }
    }
    return result;
  }

 private:
  Doubles HeadLogits(const Doubles& f) const {
    if (!sizes.tied) return Times(weights[0], f);
    const Doubles words = WordLogits(f);
    Doubles head(words.begin(), words.begin() + sizes.cutoffs[0]);
    const Doubles clusters = Times(weights[2], f);
    for (size_t k = 0; k < clusters.size(); ++k) {
      head.push_back(clusters[k] + weights[3][k]);
    }
    return head;
  }

  Doubles ClusterLogits(int k, const Doubles& f) const {
    if (!sizes.tied) {
      const auto projection = static_cast<size_t>(1 + 2 * k);
      return Times(weights[projection + 1], Times(weights[projection], f));
    }
    const Doubles words = WordLogits(f);
    const auto begin = words.begin() + sizes.ClusterBegin(k);
    return {begin, begin + sizes.ClusterWords(k)};
  }

  // Of a tied one: embedding f + bias.
  Doubles WordLogits(const Doubles& f) const {
    Doubles words = Times(weights[0], f);
    for (size_t w = 0; w < words.size(); ++w) words[w] += weights[1][w];
    return words;
  }
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_REFERENCE_ADAPTIVE_SOFTMAX_H_
