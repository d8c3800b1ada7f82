// SPDX-License-Identifier: Apache-2.0
//
// BLEU of a corpus (Papineni et al. 2002), as sacreBLEU counts it (Post 2018):
// its tokeniser 13a, n-grams of 1 to 4 tokens, exponential smoothing; signature
// "case:mixed|eff:no|tok:13a|smooth:exp" ("case:lc" in lower case).

#ifndef CAROUSEL_MODEL_TASKS_BLEU_H_
#define CAROUSEL_MODEL_TASKS_BLEU_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace carousel {

struct BleuScore {
  static constexpr size_t kOrders = 4;

  double score = 0;                          // 0 to 100
  std::array<double, kOrders> precisions{};  // of n-grams, smoothed, 0 to 100
  double brevity_penalty = 0;
  int64_t hypothesis_length = 0;  // tokens
  int64_t reference_length = 0;   // of the references closest in length
};

// Adds up sentences; a plain value. Thread-compatible.
//
//   CorpusBleu bleu;
//   RETURN_IF_ERROR(bleu.Add("the cat sat", {"The cat sat.", "A cat sat."}));
//   Print(bleu.Score().score);
class CorpusBleu {
 public:
  explicit CorpusBleu(bool lowercase = false) : lowercase_(lowercase) {}

  // A translation and what it may be like. Empty references are skipped.
  // INVALID_ARGUMENT if none is left, or for text that is not valid UTF-8.
  absl::Status Add(absl::string_view hypothesis,
                   absl::Span<const std::string> references);

  // Of all sentences so far; 0 where nothing matches.
  BleuScore Score() const;

 private:
  const bool lowercase_;
  std::array<int64_t, BleuScore::kOrders> matches_{};
  std::array<int64_t, BleuScore::kOrders> totals_{};
  int64_t hypothesis_length_ = 0;
  int64_t reference_length_ = 0;
};

// The tokens of "mteval-v13a": for text of European languages; marks stand
// alone, but for full stops and commas inside numbers.
std::vector<std::string> TokeniseForBleu(absl::string_view text);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_BLEU_H_
