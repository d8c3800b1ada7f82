// SPDX-License-Identifier: Apache-2.0
//
// The tokenizers of a translator: words counted, or subwords trained, in the
// training pairs.

#ifndef CAROUSEL_MODEL_TRAIN_TRANSLATOR_TOKENIZERS_H_
#define CAROUSEL_MODEL_TRAIN_TRANSLATOR_TOKENIZERS_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/text/tokenizer.h"
#include "model/train/translator_config.h"

namespace carousel {

struct TranslatorTokenizers {
  std::shared_ptr<const Tokenizer> source;
  std::shared_ptr<const Tokenizer> target;
};

// Calls its argument for every pair of texts, and passes on its errors.
using PairSource = std::function<absl::Status(
    const std::function<absl::Status(const std::string& source,
                                     const std::string& target)>& use)>;

// Makes both vocabularies from the pairs, which are read once or twice, and
// writes them to `run_directory`. INVALID_ARGUMENT if there are too few words,
// or fewer pieces than the settings ask for.
absl::StatusOr<TranslatorTokenizers> TrainTranslatorTokenizers(
    const TranslatorConfig& config, const PairSource& pairs,
    const std::string& run_directory);

// What an earlier call left there. NOT_FOUND, INVALID_ARGUMENT.
absl::StatusOr<TranslatorTokenizers> LoadTranslatorTokenizers(
    const TranslatorConfig& config, const std::string& run_directory);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRANSLATOR_TOKENIZERS_H_
