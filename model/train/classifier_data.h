// SPDX-License-Identifier: Apache-2.0
//
// From files of label<TAB>text lines to a vocabulary, labels and token files,
// once per run. Texts are held whole.

#ifndef CAROUSEL_MODEL_TRAIN_CLASSIFIER_DATA_H_
#define CAROUSEL_MODEL_TRAIN_CLASSIFIER_DATA_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/text/tokenizer.h"
#include "model/train/classifier_config.h"
#include "model/train/example_stream.h"
#include "model/train/progress.h"

namespace carousel {

struct ClassifierData {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::vector<std::string> labels;  // by id: as numbers if all are, else bytes

  // Sources end in <eos>, and are cut to the longest length and that.
  std::shared_ptr<const ExampleSet> train;
  std::shared_ptr<const ExampleSet> dev;  // null: the configuration names none

  // What was read, as JSON: "files" (path, part, sha256, size_bytes, lines,
  // dropped_lines, repeat), "vocabulary" (its size), "labels" (of training,
  // with their numbers), "train_texts", "dev_texts", "cut_texts" (of training,
  // longer than allowed) and "train_unknown", the share of <unk>.
  std::string record;
};

// Reads the files, chooses the vocabulary, unless a tokenizer is `given`,
// and the labels, which are those of training, and writes vocabulary.txt,
// train.examples, dev.examples and data.json (the last) to `run_directory`,
// which exists.
//
// NOT_FOUND, DATA_LOSS, or INVALID_ARGUMENT with "path:line" as
// ForEachLabelledLine, and for a label of dev that is unseen in training;
// INVALID_ARGUMENT if there are too few words or only one label.
absl::StatusOr<ClassifierData> PrepareClassifierData(
    const ClassifierConfig& config, const Tokenizer* given,
    const std::string& run_directory, const Note& note);

// What an earlier PrepareClassifierData left there. NOT_FOUND, DATA_LOSS.
absl::StatusOr<ClassifierData> LoadClassifierData(
    const ClassifierConfig& config, const std::string& run_directory);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_CLASSIFIER_DATA_H_
