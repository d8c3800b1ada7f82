// SPDX-License-Identifier: Apache-2.0
//
// White space of any script, for measures that must count as other programs do.

#ifndef CAROUSEL_MODEL_TEXT_WHITE_SPACE_H_
#define CAROUSEL_MODEL_TEXT_WHITE_SPACE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace carousel {

// What stands between white space: Unicode's, and the four separators U+001C to
// U+001F, as Python's str.split() does. REQUIRES: valid UTF-8.
std::vector<std::string> SplitAtWhiteSpace(absl::string_view text);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TEXT_WHITE_SPACE_H_
