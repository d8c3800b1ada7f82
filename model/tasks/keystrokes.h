// SPDX-License-Identifier: Apache-2.0
//
// The ideal user of language_model_evaluation.h, who types a line and takes
// every suggestion that is worth it.

#ifndef CAROUSEL_MODEL_TASKS_KEYSTROKES_H_
#define CAROUSEL_MODEL_TASKS_KEYSTROKES_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/tasks/completion.h"

namespace carousel {

struct KeystrokeCount {
  int64_t keystrokes = 0;
  int64_t characters = 0;  // code points of the line

  bool operator==(const KeystrokeCount&) const = default;
};

// Types `line`, which is normalised; spaces at its ends do not count. `suggest`
// is asked with the text left of the cursor, before the first and after every
// character of each wanted word: what stands between spaces, less the
// punctuation at its end. A suggestion is taken if it makes the text end in
// just that word. Errors of `suggest` are passed on.
absl::StatusOr<KeystrokeCount> CountKeystrokes(
    absl::string_view line,
    absl::FunctionRef<
        absl::StatusOr<std::vector<Suggestion>>(absl::string_view text)>
        suggest);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_KEYSTROKES_H_
