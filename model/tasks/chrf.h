// SPDX-License-Identifier: Apache-2.0
//
// chrF2 of a corpus (Popović 2015, 2016), as sacreBLEU counts it: n-grams of 1
// to 6 characters, no words, beta 2, white space removed; signature
// "case:mixed|eff:yes|nc:6|nw:0|space:no".

#ifndef CAROUSEL_MODEL_TASKS_CHRF_H_
#define CAROUSEL_MODEL_TASKS_CHRF_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace carousel {

// Adds up sentences; a plain value. Thread-compatible. A sentence is counted
// against the reference that it scores best with.
//
//   CorpusChrf chrf;
//   RETURN_IF_ERROR(chrf.Add("the cat sat", {"The cat sat."}));
//   Print(chrf.Score());
class CorpusChrf {
 public:
  explicit CorpusChrf(bool lowercase = false) : lowercase_(lowercase) {}

  // Empty references are skipped. INVALID_ARGUMENT if none is left, or for text
  // that is not valid UTF-8.
  absl::Status Add(absl::string_view hypothesis,
                   absl::Span<const std::string> references);

  // 0 to 100, of all sentences so far.
  double Score() const;

 private:
  static constexpr size_t kOrders = 6;

  struct Counts {
    int64_t hypothesis = 0;
    int64_t reference = 0;
    int64_t matches = 0;
  };
  using Statistics = std::array<Counts, kOrders>;

  static Statistics Compare(absl::string_view hypothesis,
                            absl::string_view reference);
  static double ScoreOf(const Statistics& statistics);
  std::string Prepare(absl::string_view text) const;

  const bool lowercase_;
  Statistics sums_{};
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_CHRF_H_
