// SPDX-License-Identifier: Apache-2.0
//
// What `carousel-train translator` is told by its configuration file, with
// every default. README.md lists the settings.

#ifndef CAROUSEL_MODEL_TRAIN_TRANSLATOR_CONFIG_H_
#define CAROUSEL_MODEL_TRAIN_TRANSLATOR_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/layers/recurrent_stack_grad.h"
#include "model/layers/translator.h"
#include "model/text/tokenizer.h"
#include "model/train/settings.h"
#include "model/train/spm_train.h"
#include "model/train/training_settings.h"

namespace carousel {

struct TranslatorConfig {
  // data: lines of source<TAB>target. Paths are relative to `data_directory`,
  // which is relative to the working directory.
  std::string data_directory = ".";
  std::vector<TrainingFile> train;
  // Their joint loss decides when to stop. Pairs of the training files whose
  // source is one of theirs are left out.
  std::vector<std::string> dev;

  // text
  TokenizerKind tokenizer = TokenizerKind::kWords;
  bool joint = false;           // one vocabulary for both languages
  int vocabulary_size = 10000;  // of each, at most, special tokens included
  int minimum_count = 2;        // rarer words are <unk>; not of subwords
  // Of the tokenizer `subword`; its size is vocabulary_size.
  PieceTrainingOptions pieces = {.character_coverage = 1};
  // Pairs with more tokens are left out of training and dev.
  int max_source = 100;
  int max_target = 100;

  // model
  Cell cell = Cell::kLstm;
  int embedding = 256;
  int hidden = 512;  // of the decoder
  // Of each direction of the encoder; 0: such that its outputs are as wide as
  // the decoder's state.
  int encoder_hidden = 0;
  int encoder_layers = 2;
  int decoder_layers = 2;
  bool bidirectional = true;
  bool residual = false;
  // AttentionKind behind "none".
  std::optional<AttentionKind> attention = AttentionKind::kGeneral;
  bool tied = false;
  bool shared_embedding = false;  // with `joint`
  bool reverse_input = false;

  // training
  int rows = 64;         // pairs in a batch, at most
  int64_t tokens = 0;    // steps in a batch, source and target; 0: any number
  int max_buckets = 16;  // different shapes of batches
  StackDropout dropout = {.input = 0.2f, .layers = 0.2f, .output = 0.2f};
  float label_smoothing = 0;
  TrainingSettings training;
  int bleu_texts = 200;  // of dev, translated greedily at every evaluation

  // bundle
  BundleSettings bundle;
  // None: the first of dev, or words of the vocabulary where there is no dev.
  std::vector<std::string> self_test_texts;

  // The network, for vocabularies of these sizes.
  TranslatorSizes SizesFor(int source_vocabulary, int target_vocabulary) const;
};

// Reads a configuration, after the overrides (settings.h). INVALID_ARGUMENT as
// ReadSettings, and for settings that do not go together.
absl::StatusOr<TranslatorConfig> ParseTranslatorConfig(
    absl::string_view json, absl::Span<const std::string> overrides = {});

// Every setting, defaults included, as JSON that parses to the same.
std::string SerialiseTranslatorConfig(const TranslatorConfig& config);

// FAILED_PRECONDITION, naming the key, if a run begun with `before` cannot go
// on with `after`.
absl::Status CheckCanResume(const TranslatorConfig& before,
                            const TranslatorConfig& after);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRANSLATOR_CONFIG_H_
