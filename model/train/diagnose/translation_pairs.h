// SPDX-License-Identifier: Apache-2.0
//
// Pairs of sentences to translate, as numbers: from a file, or of a generated
// language whose words follow each other in nearly the same order on both
// sides.

#ifndef CAROUSEL_MODEL_TRAIN_DIAGNOSE_TRANSLATION_PAIRS_H_
#define CAROUSEL_MODEL_TRAIN_DIAGNOSE_TRANSLATION_PAIRS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace carousel {

// Both vocabularies begin with these.
inline constexpr int32_t kEndOfText = 0;
inline constexpr int32_t kUnknownWord = 1;

struct TranslationPair {
  std::vector<int32_t> source;  // no marks
  std::vector<int32_t> target;
};

struct TranslationPairs {
  int source_vocabulary = 0;
  int target_vocabulary = 0;
  int longest_source = 0;
  int longest_target = 0;
  std::vector<TranslationPair> training = {};
  std::vector<TranslationPair> dev = {};
};

// Sentences of 8 to 16 of 40 words. Each source word has its target word; two
// neighbours change places if the first is an "adjective" (one of the first
// ten), as in "maison blanche".
TranslationPairs MakeTranslationPairs(uint64_t seed);

// "source<TAB>target" a line, words between blanks, the 1000 most frequent of
// either side known; pairs with more than 20 words on a side are passed over,
// and every tenth of the others is for dev, 1000 at most. INVALID_ARGUMENT
// naming the line that has no tab; or if there are too few pairs.
absl::StatusOr<TranslationPairs> ReadTranslationPairs(const std::string& path);

// Time-major, as the translator in training wants it: sources end in the last
// step and targets begin in the first. S = longest_source + 1, T likewise.
struct TranslationBatch {
  std::vector<int32_t> source;     // (S, N)
  std::vector<uint8_t> resets;     // (S, N)
  std::vector<int32_t> target_in;  // (T, N)
  std::vector<int32_t> targets;    // (T, N); -1: not counted
  int64_t target_count = 0;
};

// REQUIRES: no pair is longer than the longest of `pairs`.
TranslationBatch MakeTranslationBatch(
    const TranslationPairs& pairs,
    absl::Span<const TranslationPair* const> rows);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DIAGNOSE_TRANSLATION_PAIRS_H_
