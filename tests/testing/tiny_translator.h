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

// From a, b, c, d and marks to v, w, x, y, z and a full stop; with attention.
TranslatorParts TinyTranslator();

// The same as a bundle in `directory` (.../NAME/VERSION). Errors as
// WriteBundle.
absl::Status WriteTinyTranslator(const std::string& directory);

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_TINY_TRANSLATOR_H_
