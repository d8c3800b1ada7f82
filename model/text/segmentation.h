// SPDX-License-Identifier: Apache-2.0
//
// Word boundaries of Unicode (UAX #29, ICU's root locale), with two rules of
// our own. ':' and '@' always stand alone, because ICU's releases differ about
// them and a model must not depend on the release. A full stop between letters
// joins the parts of an abbreviation ("U.S"), of two letters at most, and no
// others: "perfect.I" is three segments. Private to model/text; callers want
// SplitText (tokenizer.h).

#ifndef CAROUSEL_MODEL_TEXT_SEGMENTATION_H_
#define CAROUSEL_MODEL_TEXT_SEGMENTATION_H_

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"

namespace carousel {

// Appends to `ends` where each segment of `chunk` ends, in bytes. The segments
// cover `chunk`. Thread-safe.
void FindWordEnds(absl::string_view chunk, std::vector<size_t>* ends);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TEXT_SEGMENTATION_H_
