// SPDX-License-Identifier: Apache-2.0
//
// From text files to a vocabulary and token files, once per run: two streaming
// passes, whose memory does not grow with the text.

#ifndef CAROUSEL_MODEL_TRAIN_DATA_PREPARATION_H_
#define CAROUSEL_MODEL_TRAIN_DATA_PREPARATION_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"
#include "model/train/corpus.h"
#include "model/train/language_model_config.h"
#include "model/train/progress.h"

namespace carousel {

struct PreparedData {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::shared_ptr<const Corpus> train;
  std::shared_ptr<const Corpus> dev;  // null: the configuration names none

  // What was read, as JSON: "files" (path, part, sha256, size_bytes, lines,
  // tokens, dropped_lines, repeat), "vocabulary" (its size), and for each part
  // its tokens in an epoch and the share of them that is <unk>: "train_tokens",
  // "train_unknown", "dev_tokens", "dev_unknown".
  std::string record;
};

// Counts words, chooses the vocabulary, and writes vocabulary.txt,
// train.tokens, dev.tokens and data.json (the last) to `run_directory`, which
// exists.
//
// NOT_FOUND, DATA_LOSS or INVALID_ARGUMENT with "path:line" for text that
// cannot be read; INVALID_ARGUMENT if a file holds no text or all of it is too
// little for a vocabulary. Given a tokenizer, of the configuration's kind, that
// is used, and nothing is counted. Errors of PieceTrainer (kSubword).
absl::StatusOr<PreparedData> PrepareData(const LanguageModelConfig& config,
                                         const std::string& run_directory,
                                         const Note& note,
                                         const Tokenizer* given = nullptr);

// What an earlier PrepareData left in `run_directory`. NOT_FOUND, DATA_LOSS.
absl::StatusOr<PreparedData> LoadPreparedData(const LanguageModelConfig& config,
                                              const std::string& run_directory);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DATA_PREPARATION_H_
