// SPDX-License-Identifier: Apache-2.0
//
// What `carousel-train language-model` is told by its configuration file, with
// every default. README.md shows the file.

#ifndef CAROUSEL_MODEL_TRAIN_LANGUAGE_MODEL_CONFIG_H_
#define CAROUSEL_MODEL_TRAIN_LANGUAGE_MODEL_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/bundle/manifest.h"
#include "model/layers/language_model.h"
#include "model/layers/language_model_grad.h"
#include "model/text/tokenizer.h"
#include "model/train/settings.h"
#include "model/train/spm_train.h"
#include "model/train/training_settings.h"

namespace carousel {

struct LanguageModelConfig {
  LanguageModelConfig();

  // data. Paths are relative to `data_directory`, which is relative to the
  // working directory.
  std::string data_directory = ".";
  std::vector<TrainingFile> train;
  // Their joint perplexity decides when to stop. In `line` context what is
  // theirs or `exclude`'s is dropped from the training text: equal lines, and
  // lines that share a longer sentence (held_out_lines.h).
  std::vector<std::string> dev;
  std::vector<std::string> exclude;

  // text
  TokenizerKind tokenizer = TokenizerKind::kWords;
  LineContext context = LineContext::kLine;
  // Of the most frequent words, the special tokens included. 0: as many as
  // there are, up to 20000.
  int vocabulary_size = 0;
  // Of the tokenizer `subword`; its size is vocabulary_size, or this one's
  // where that is 0. minimum_count is not for pieces.
  PieceTrainingOptions pieces;
  int minimum_count = 2;  // rarer words are <unk>

  // model; the vocabulary's size comes from the text.
  LanguageModelSizes sizes;

  // `adaptive`: an adaptive softmax, tied or not, whose clusters begin at the
  // cutoffs, for perplexity on large vocabularies; what completes texts has a
  // `softmax`.
  enum class Output { kSoftmax, kAdaptive };
  Output output = Output::kSoftmax;
  std::vector<int> cutoffs;  // given to `sizes` if they are to be used

  // A language-model bundle whose vocabulary and weights the run begins with;
  // the sizes must be its own. "": none.
  std::string init;

  // training
  int rows = 32;   // N: texts trained side by side
  int steps = 35;  // T: length of back-propagation through time
  LanguageModelDropout dropout = {.layers = 0.2f};
  float label_smoothing = 0;
  TrainingSettings training;

  // bundle
  BundleSettings bundle;
  std::vector<std::string> self_test_texts = {"I would like to", "How are you",
                                              "Thank you very much for your"};
  std::vector<std::string> blocked;  // words that are never suggested
  ContextSetting context_cache;
};

// Reads a configuration, after the overrides (settings.h). INVALID_ARGUMENT as
// ReadSettings, and for settings that do not go together.
absl::StatusOr<LanguageModelConfig> ParseLanguageModelConfig(
    absl::string_view json, absl::Span<const std::string> overrides = {});

// Every setting, defaults included, as JSON that parses to the same.
std::string SerialiseLanguageModelConfig(const LanguageModelConfig& config);

// FAILED_PRECONDITION, naming the key, if a run begun with `before` cannot go
// on with `after`: they differ in what shapes batches or weights. Learning
// rate, budget, intervals and the bundle's texts may change.
absl::Status CheckCanResume(const LanguageModelConfig& before,
                            const LanguageModelConfig& after);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_LANGUAGE_MODEL_CONFIG_H_
