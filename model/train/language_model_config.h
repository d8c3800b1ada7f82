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
#include "model/tensor/tensor.h"
#include "model/text/tokenizer.h"
#include "model/train/language_model_trainer.h"
#include "model/train/learning_rate.h"

namespace carousel {

struct TrainingFile {
  std::string path;
  int repeat = 1;  // how many times it is read in an epoch
};

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
  int vocabulary_size = 20000;  // at most, the special tokens included
  int minimum_count = 2;        // rarer words are <unk>

  // model, training. The vocabulary's size comes from the text.
  LanguageModelTrainerOptions trainer;
  LearningRateSchedule learning_rate;  // its length comes from the text

  // The run ends at the first of these that is reached; 0 is no limit.
  // The learning rate decays over `epochs` or `max_steps`, whichever is less.
  int epochs = 10;
  int64_t max_steps = 0;
  double max_minutes = 0;

  int64_t evaluate_every_steps = 1000;  // on dev; 0: at the end of the run only
  int patience = 5;  // evaluations without a better one before stopping; 0: all
  double checkpoint_every_minutes = 10;
  int log_every_steps = 50;  // a line of metrics.jsonl
  int threads = 0;           // 0: as many CPUs as this process may use

  // bundle
  DType stored_type = DType::kBF16;
  std::vector<std::string> self_test_texts = {"I would like to", "How are you",
                                              "Thank you very much for your"};
  std::string description;              // for CARD.md: what the model is for
  std::vector<std::string> data_notes;  // for CARD.md: sources and licences
};

// Reads a configuration, after the overrides, each "section.key=value" with a
// JSON value or a bare string. INVALID_ARGUMENT naming the key for JSON that is
// none, an unknown key, a wrong type, a value out of its bounds, no training
// file, or neither `epochs` nor `max_steps`.
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
