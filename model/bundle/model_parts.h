// SPDX-License-Identifier: Apache-2.0
//
// What a loaded bundle consists of, task by task.

#ifndef CAROUSEL_MODEL_BUNDLE_MODEL_PARTS_H_
#define CAROUSEL_MODEL_BUNDLE_MODEL_PARTS_H_

#include <memory>
#include <optional>
#include <variant>

#include "model/bundle/residual_quantiles.h"
#include "model/layers/classifier.h"
#include "model/layers/forecaster.h"
#include "model/layers/language_model.h"
#include "model/layers/translator.h"
#include "model/text/tokenizer.h"

namespace carousel {

// Output row r of the network belongs to vocabulary().id_at(r): its logits are
// in prefix order.
struct LanguageModelParts {
  Tokenizer tokenizer;
  std::shared_ptr<const LanguageModel> network;
};

struct ClassifierParts {
  Tokenizer tokenizer;
  std::shared_ptr<const Classifier> network;
};

struct TranslatorParts {
  Tokenizer source_tokenizer;
  Tokenizer target_tokenizer;
  std::shared_ptr<const Translator> network;
};

struct ForecasterParts {
  std::shared_ptr<const Forecaster> network;

  // Nothing if the bundle has none.
  std::optional<ResidualQuantiles> quantiles = {};
};

// In the order of Task.
using ModelParts = std::variant<LanguageModelParts, ClassifierParts,
                                TranslatorParts, ForecasterParts>;

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_MODEL_PARTS_H_
