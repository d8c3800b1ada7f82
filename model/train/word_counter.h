// SPDX-License-Identifier: Apache-2.0
//
// Counts words in one pass over a text of any length, and chooses a vocabulary.

#ifndef CAROUSEL_MODEL_TRAIN_WORD_COUNTER_H_
#define CAROUSEL_MODEL_TRAIN_WORD_COUNTER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/text/vocabulary.h"

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

// The vocabulary of the most frequent words, of `size` tokens at most.
// INVALID_ARGUMENT if fewer than two words occur often enough: a model of one
// has nothing to choose from. `kind` names them: "words", "source words".
absl::StatusOr<Vocabulary> ChooseWords(const WordCounter& counter, int size,
                                       int minimum_count,
                                       absl::string_view kind = "words");

// The same for the setting text.vocabulary_size: 0 takes the words that there
// are, up to kLargestDefaultVocabulary. More than there are is INVALID_ARGUMENT
// with the `files`: whoever names a size means it, and a smaller model would be
// another one.
inline constexpr int kLargestDefaultVocabulary = 20000;
absl::StatusOr<Vocabulary> ChooseWordsAsAsked(const WordCounter& counter,
                                              int size, int minimum_count,
                                              absl::string_view files);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_WORD_COUNTER_H_
