// SPDX-License-Identifier: Apache-2.0
//
// Measures a language model on one line of text at a time.

#ifndef CAROUSEL_MODEL_TASKS_LINE_MEASURER_H_
#define CAROUSEL_MODEL_TASKS_LINE_MEASURER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/bundle/model.h"
#include "model/tasks/context_cache.h"
#include "model/tasks/sequence_cache.h"
#include "model/tasks/sequence_meter.h"

namespace carousel {

// Measures each line by itself; of a stream (LineContext::kStream) only what a
// person saves who types the line, for StreamMeter counts the rest. One per
// thread; what it is given must outlive it.
class LineMeasurer {
 public:
  // A longer line is left out of the keystrokes: nobody types it, and following
  // the typist takes time quadratic in its length.
  static constexpr size_t kLongestTypedLine = size_t{16} << 10;

  // `guessable`: GuessableTokens(model.tokenizer()). `keystrokes`: whether it
  // follows a person who types the line.
  LineMeasurer(const Model& model, const std::vector<bool>& guessable,
               bool keystrokes = true);

  // The counts of `line`, after earlier text if `context` is not null; none for
  // a blank one that is skipped. INVALID_ARGUMENT if it is not valid UTF-8.
  absl::StatusOr<TextCounts> Measure(const std::string& line,
                                     const ContextCache* context = nullptr);

 private:
  absl::Status MeasureTyping(absl::string_view line,
                             absl::Span<const int32_t> tokens,
                             const ContextCache* context, TextCounts* counts);

  const Model& model_;
  const std::vector<bool>& guessable_;
  const bool keystrokes_;
  LanguageModel::Workspace workspace_;
  SequenceCache cache_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_LINE_MEASURER_H_
