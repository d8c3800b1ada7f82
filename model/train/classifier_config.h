// SPDX-License-Identifier: Apache-2.0
//
// What `carousel-train classifier` is told by its configuration file, with
// every default. README.md lists the settings.

#ifndef CAROUSEL_MODEL_TRAIN_CLASSIFIER_CONFIG_H_
#define CAROUSEL_MODEL_TRAIN_CLASSIFIER_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/layers/classifier.h"
#include "model/layers/classifier_grad.h"
#include "model/text/tokenizer.h"
#include "model/train/settings.h"
#include "model/train/spm_train.h"
#include "model/train/training_settings.h"

namespace carousel {

struct ClassifierConfig {
  // data: lines of label<TAB>text. Paths are relative to `data_directory`,
  // which is relative to the working directory.
  std::string data_directory = ".";
  std::vector<TrainingFile> train;
  // Their joint loss decides when to stop. Lines of the training files that
  // equal one of theirs, or share a longer sentence with one, are left out
  // (held_out_lines.h).
  std::vector<std::string> dev;
  std::string label_map;  // "0,1:negative;3,4:positive" (labelled_text.h)

  // text
  TokenizerKind tokenizer = TokenizerKind::kWords;
  // Special tokens included; more than the texts have is an error. 0: what they
  // have, up to 20000. Not used with `init`.
  int vocabulary_size = 0;
  // Of the tokenizer `subword`; its size is vocabulary_size, or this one's
  // where that is 0. minimum_count is not for pieces.
  PieceTrainingOptions pieces;
  int minimum_count = 2;  // rarer words are <unk>
  int longest = 400;      // longer texts are cut (whole_text.h)

  // model
  Cell cell = Cell::kLstm;
  int embedding = 200;
  int hidden = 200;  // of each direction
  int layers = 1;
  bool bidirectional = true;
  bool residual = false;
  PoolingKind pooling = PoolingKind::kConcat;
  int pooling_units = 100;  // of attention

  // The bundle of a language model to start from: its vocabulary, embedding and
  // recurrent weights, whose sizes `text` and `model` must have. The layers
  // learn from the top down, one more every `unfreeze_every_epochs` (Howard and
  // Ruder 2018, section 3.3); 0: all from the beginning.
  std::string init;
  int unfreeze_every_epochs = 0;

  // training
  int rows = 32;   // texts of a batch, at most
  int tokens = 0;  // and tokens, so that long texts make small ones; 0: any
  int max_buckets = 8;  // lengths of batches
  ClassifierTraining network = {.stack = {.input = 0.3f, .layers = 0.2f},
                                .pooled = 0.4f};
  TrainingSettings training;

  // bundle
  BundleSettings bundle;
  std::vector<std::string> self_test_texts;  // none: of the data

  ClassifierSizes SizesFor(int vocabulary, int labels) const;
};

// Reads a configuration, after the overrides (settings.h). INVALID_ARGUMENT as
// ReadSettings, and for settings that do not go together.
absl::StatusOr<ClassifierConfig> ParseClassifierConfig(
    absl::string_view json, absl::Span<const std::string> overrides = {});

// Every setting, defaults included, as JSON that parses to the same.
std::string SerialiseClassifierConfig(const ClassifierConfig& config);

// FAILED_PRECONDITION, naming the key, if a run begun with `before` cannot go
// on with `after`: they differ in what shapes batches or weights.
absl::Status CheckCanResume(const ClassifierConfig& before,
                            const ClassifierConfig& after);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_CLASSIFIER_CONFIG_H_
