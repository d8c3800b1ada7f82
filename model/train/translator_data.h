// SPDX-License-Identifier: Apache-2.0
//
// From files of source<TAB>target lines to vocabularies and token files, once
// per run.

#ifndef CAROUSEL_MODEL_TRAIN_TRANSLATOR_DATA_H_
#define CAROUSEL_MODEL_TRAIN_TRANSLATOR_DATA_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/tasks/translation_evaluation.h"
#include "model/text/tokenizer.h"
#include "model/train/example_stream.h"
#include "model/train/progress.h"
#include "model/train/translator_config.h"

namespace carousel {

struct TranslatorData {
  std::shared_ptr<const Tokenizer> source;
  std::shared_ptr<const Tokenizer> target;  // the same where they are joint

  // Sources end in <eos>, targets do not.
  std::shared_ptr<const ExampleSet> train;
  std::shared_ptr<const ExampleSet> dev;  // null: the configuration names none

  // As they are written; without those whose source is too long.
  std::vector<ReferencePair> dev_pairs;

  // What was read, as JSON: "files" (path, part, sha256, size_bytes, lines,
  // dropped_lines, repeat), "source_vocabulary", "target_vocabulary",
  // "train_pairs", "train_too_long" (left out of training), "dev_pairs", and
  // the shares of <unk> "source_unknown" and "target_unknown" in training.
  std::string record;
};

// Reads the files, makes the vocabularies, and writes them, train.tokens,
// dev.tokens, dev.tsv and data.json (the last) to `run_directory`, which
// exists.
//
// NOT_FOUND, DATA_LOSS, or INVALID_ARGUMENT with "path:line" for a line without
// a tab or with several, an empty side, text that is not UTF-8, or the token
// <eos> in it;
// INVALID_ARGUMENT if there are too few pairs or words.
absl::StatusOr<TranslatorData> PrepareTranslatorData(
    const TranslatorConfig& config, const std::string& run_directory,
    const Note& note);

// What an earlier PrepareTranslatorData left there. NOT_FOUND, DATA_LOSS.
absl::StatusOr<TranslatorData> LoadTranslatorData(
    const TranslatorConfig& config, const std::string& run_directory);

// Where TranslatorData's pairs are too long for the settings, they are left out
// by the streams with these options.
ExampleStreamOptions StreamOptions(const TranslatorConfig& config);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRANSLATOR_DATA_H_
