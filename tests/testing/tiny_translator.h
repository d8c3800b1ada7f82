// SPDX-License-Identifier: Apache-2.0
//
// A translator of a few kilobytes with random weights: what it says means
// nothing, but it is always the same, and takes some words to say.

#ifndef CAROUSEL_TESTS_TESTING_TINY_TRANSLATOR_H_
#define CAROUSEL_TESTS_TESTING_TINY_TRANSLATOR_H_

#include <string>

#include "absl/status/status.h"
#include "model/bundle/model_parts.h"

namespace carousel {

struct TinyTranslatorOptions {
  // Both sides are cut into subword pieces: a word is one piece or several.
  bool pieces = false;

  // A word of the source that no text with it is translated with: what the
  // network makes of it is not a number. None if empty.
  std::string broken = {};
};

// From a, b, c, d and marks to v, w, x, y, z and a full stop; with attention.
TranslatorParts TinyTranslator(const TinyTranslatorOptions& options = {});

// The same as a bundle in `directory` (.../NAME/VERSION). Errors as
// WriteBundle.
absl::Status WriteTinyTranslator(const std::string& directory,
                                 const TinyTranslatorOptions& options = {});

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_TINY_TRANSLATOR_H_
