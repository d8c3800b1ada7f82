// SPDX-License-Identifier: Apache-2.0
//
// Lines that a model must not have seen, so that what is measured on them says
// something.

#ifndef CAROUSEL_MODEL_TRAIN_HELD_OUT_LINES_H_
#define CAROUSEL_MODEL_TRAIN_HELD_OUT_LINES_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carousel {

// A line's letters and digits, folded (normalise.h): no case, accents,
// punctuation or white space. A run of digits is one 0, since numbers are one
// token. REQUIRES: valid UTF-8.
std::string ComparisonKey(absl::string_view line);

// A set of lines and their longer sentences, compared by their keys. A sentence
// ends at a full stop, exclamation or question mark before white space. Lines
// without a letter or digit are never in it. Thread-compatible.
class HeldOutLines {
 public:
  // A shorter sentence in a line ("Thank you very much.") is everybody's, and
  // gives nothing away.
  static constexpr int kShortestSentence = 25;  // letters of the key

  // REQUIRES (both): valid UTF-8.
  void Add(absl::string_view line);

  // True if the line, or a longer sentence of it, is one that was added, or a
  // longer sentence of one.
  bool Contains(absl::string_view line) const;

 private:
  absl::flat_hash_set<std::string> keys_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_HELD_OUT_LINES_H_
