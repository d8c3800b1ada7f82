// SPDX-License-Identifier: Apache-2.0
//
// The tokens of a batch, each once: what depends on the token alone is computed
// once for each. Words of a text repeat, and the more so the more texts there
// are (Heaps' law).

#ifndef CAROUSEL_MODEL_LAYERS_DISTINCT_TOKENS_H_
#define CAROUSEL_MODEL_LAYERS_DISTINCT_TOKENS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace carousel {

// Keeps its memory from one batch to the next. Not thread-safe.
class DistinctTokens {
 public:
  // REQUIRES: 0 <= token < vocabulary.
  void Set(absl::Span<const int32_t> tokens, int vocabulary);

  // In the order in which they occur first.
  absl::Span<const int32_t> tokens() const { return tokens_; }

  // Of every token of the batch, where it is in tokens().
  absl::Span<const int32_t> places() const { return places_; }

 private:
  std::vector<int32_t> tokens_;
  std::vector<int32_t> places_;
  std::vector<int32_t> place_of_;  // (V); between calls kNone everywhere
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_DISTINCT_TOKENS_H_
