// SPDX-License-Identifier: Apache-2.0
//
// One spelling for each text, whoever typed it.

#ifndef CAROUSEL_MODEL_TEXT_NORMALISE_H_
#define CAROUSEL_MODEL_TEXT_NORMALISE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carousel {

// INVALID_ARGUMENT with the offset of the first byte that is not UTF-8.
absl::Status ValidateUtf8(absl::string_view text);

// NFC, with typographic apostrophes and quotation marks mapped to the ASCII
// ones and every white space to a plain space. INVALID_ARGUMENT with the byte
// offset if `text` is not valid UTF-8.
absl::StatusOr<std::string> Normalise(absl::string_view text);

// The form under which words are compared while a person types: case folded,
// accents dropped ("Café" -> "cafe"). Works code point by code point, so the
// fold of a prefix is a prefix of the fold.
// REQUIRES: `text` is valid UTF-8.
std::string Fold(absl::string_view text);

// Casing of what a person typed, so that a suggestion can take it on.
enum class Casing {
  kLower,  // no upper-case letter, or no letter at all
  kTitle,  // first letter upper-case, and no other
  kUpper,  // at least two letters, all upper-case
  kMixed,  // "McDonald", "iPhone"
};
Casing CasingOf(absl::string_view text);

// `text` in upper case, lower case, or with its first letter in upper case.
std::string ToUpper(absl::string_view text);
std::string ToLower(absl::string_view text);
std::string ToTitle(absl::string_view text);

// Number of Unicode code points. REQUIRES: valid UTF-8.
int CountCodePoints(absl::string_view text);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TEXT_NORMALISE_H_
