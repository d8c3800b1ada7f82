// SPDX-License-Identifier: Apache-2.0
//
// `carousel-train evaluate` of a translator.

#ifndef CAROUSEL_MODEL_TRAIN_TRANSLATOR_EVALUATION_COMMAND_H_
#define CAROUSEL_MODEL_TRAIN_TRANSLATOR_EVALUATION_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "model/bundle/model.h"
#include "model/train/command_line.h"
#include "model/train/progress.h"

namespace carousel {

inline constexpr Flag kBeamSizeFlag = {
    "beam_size", "N", "5", "translators: hypotheses kept at once; 1: greedy"};
inline constexpr Flag kLengthPenaltyFlag = {
    "length_penalty", "ALPHA", "1", "translators: exponent of the length"};
inline constexpr Flag kLowercaseFlag = {
    "lowercase", "", "off", "translators: BLEU and chrF without case"};
inline constexpr Flag kTranslationsFlag = {
    "translations", "FILE", "none",
    "translators: where the translations are written, one a line"};

// Measures as the flags say; the JSON object of the last line.
absl::StatusOr<std::string> RunTranslatorEvaluation(const Model& model,
                                                    const FlagValues& flags,
                                                    int threads,
                                                    Progress* progress);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRANSLATOR_EVALUATION_COMMAND_H_
