// SPDX-License-Identifier: Apache-2.0
//
// The golden self-test of a translator: texts with their greedy translations.
// It feeds the translations that it knows and looks at their probability, so
// that two tokens that are almost equally probable cannot fail it.

#ifndef CAROUSEL_MODEL_BUNDLE_TRANSLATOR_SELF_TEST_H_
#define CAROUSEL_MODEL_BUNDLE_TRANSLATOR_SELF_TEST_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/bundle/manifest.h"
#include "model/bundle/model_parts.h"

namespace carousel {

// The greedy translation of `text`. INVALID_ARGUMENT if the text is not UTF-8
// or too long (CheckSelfTestSize), or the network gives no finite answer.
absl::StatusOr<TranslatorManifest::Case> MakeTranslatorCase(
    const TranslatorParts& parts, const std::string& text);

// DATA_LOSS naming text, expected and found if the log-probability of the
// translation differs by more than the tolerance for each of its tokens, or is
// not a number. INVALID_ARGUMENT if the text is too long. REQUIRES: at most
// kMostTokens tokens, of the target's vocabulary.
absl::Status RunTranslatorCase(const TranslatorParts& parts,
                               const TranslatorManifest::Case& test,
                               double tolerance);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_TRANSLATOR_SELF_TEST_H_
