// SPDX-License-Identifier: Apache-2.0
//
// Counts words in one pass over a text of any length, to choose a vocabulary.

#ifndef CAROUSEL_MODEL_TRAIN_WORD_COUNTER_H_
#define CAROUSEL_MODEL_TRAIN_WORD_COUNTER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace carousel {

// Memory is bounded: when more than `max_distinct` different words are held,
// the rarest are forgotten (lossy counting, Manku and Motwani 2002), so counts
// of rare words may then be too low. Thread-compatible.
class WordCounter {
 public:
  static constexpr size_t kMaxDistinct = size_t{1} << 21;

  // REQUIRES: max_distinct >= 8.
  explicit WordCounter(size_t max_distinct = kMaxDistinct)
      : max_distinct_(max_distinct) {}

  void Add(absl::string_view word, int64_t times);

  // The special tokens, then the most frequent words: `size` tokens at most,
  // none counted less than `minimum_count` times; equal counts in the order of
  // their bytes. REQUIRES: the special tokens are not more than `size`.
  std::vector<std::string> MostFrequent(int size, int64_t minimum_count) const;

 private:
  void ForgetRarest();

  const size_t max_distinct_;
  absl::flat_hash_map<std::string, int64_t> counts_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_WORD_COUNTER_H_
