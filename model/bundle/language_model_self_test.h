// SPDX-License-Identifier: Apache-2.0
//
// The golden self-test of a language model: a few texts with the network's
// answers, made when a bundle is written and run before it is used. It catches
// what checksums cannot: another library, CPU or build that computes something
// else.

#ifndef CAROUSEL_MODEL_BUNDLE_LANGUAGE_MODEL_SELF_TEST_H_
#define CAROUSEL_MODEL_BUNDLE_LANGUAGE_MODEL_SELF_TEST_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/bundle/manifest.h"
#include "model/layers/language_model.h"
#include "model/text/tokenizer.h"

namespace carousel {

// Cases for `texts`, each with its most probable next tokens.
// INVALID_ARGUMENT: no text, a text that is not UTF-8, or weights that give no
// finite answer. REQUIRES (both functions): the network's output is in the
// prefix order of the tokenizer's vocabulary.
absl::StatusOr<std::vector<LanguageModelManifest::Case>> MakeSelfTest(
    const LanguageModel& network, const Tokenizer& tokenizer,
    absl::Span<const std::string> texts);

// DATA_LOSS naming text, token, expected and found if a text is cut otherwise,
// or a log-probability differs by more than the tolerance or is not a number.
absl::Status RunSelfTest(const LanguageModel& network,
                         const Tokenizer& tokenizer,
                         absl::Span<const LanguageModelManifest::Case> cases,
                         double tolerance);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_LANGUAGE_MODEL_SELF_TEST_H_
