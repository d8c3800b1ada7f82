// SPDX-License-Identifier: Apache-2.0
//
// The settings that all training tasks share: optimiser, learning rate, budget
// and intervals (section "training"), and what the bundle says of itself
// (section "bundle"). README.md lists them with their defaults.

#ifndef CAROUSEL_MODEL_TRAIN_TRAINING_SETTINGS_H_
#define CAROUSEL_MODEL_TRAIN_TRAINING_SETTINGS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/layers/recurrent_stack_grad.h"
#include "model/onednn/precision.h"
#include "model/tensor/tensor.h"
#include "model/text/tokenizer.h"
#include "model/train/learning_rate.h"
#include "model/train/settings.h"
#include "model/train/spm_train.h"
#include "model/train/trainer.h"

namespace carousel {

struct TrainingSettings {
  TrainerOptions trainer;              // optimiser, clipping, seed
  LearningRateSchedule learning_rate;  // its length comes from the data

  // A batch is computed in so many parts, one after the other: less memory for
  // the same numbers.
  int accumulate = 1;

  // The run ends at the first of these that is reached; 0 is no limit.
  // The learning rate decays over `epochs` or `max_steps`, whichever is less.
  int epochs = 10;
  int64_t max_steps = 0;
  double max_minutes = 0;

  int64_t evaluate_every_steps = 1000;  // on dev; 0: at the end of the run only
  int patience = 5;  // evaluations without a better one before stopping; 0: all

  // Averaged SGD begins to average when so many evaluations were not better
  // (Merity, Keskar, Socher 2018); 0: from the first step.
  int average_after_evaluations = 5;

  double checkpoint_every_minutes = 10;
  int log_every_steps = 50;  // a line of metrics.jsonl
  int threads = 0;           // 0: as many CPUs as this process may use

  // Of the matrix products; see UsablePrecision.
  Precision precision = Precision::kF32;
};

// The precision in which this CPU trains best if `wanted` is asked for: f32
// where it has no instructions for bf16, which is then said.
Precision UsablePrecision(Precision wanted,
                          const std::function<void(absl::string_view)>& say);

// Settings of the bundle at the end of a run.
struct BundleSettings {
  DType stored_type = DType::kBF16;
  std::string description;              // for CARD.md: what the model is for
  std::vector<std::string> data_notes;  // for CARD.md: sources and licences
};

// Show the settings to a visitor: those that a run cannot change half-way, and
// those that it can.
void VisitFixed(TrainingSettings* settings, SettingsVisitor* v);
void VisitChangeable(TrainingSettings* settings, SettingsVisitor* v);
void VisitChangeable(BundleSettings* settings, SettingsVisitor* v);

// Shows how text is cut (section "text"): the tokenizer, and what spm_train is
// told for `subword` but the number of pieces.
void VisitTokenizer(TokenizerKind* kind, PieceTrainingOptions* pieces,
                    SettingsVisitor* v);

// Shows the kind of cell (section "model").
void VisitCell(Cell* cell, SettingsVisitor* v);

// Shows the dropout of a recurrent stack (section "training"); `input` is the
// key of what is dropped of its input.
void VisitStackDropout(const char* input, StackDropout* dropout,
                       SettingsVisitor* v);

// INVALID_ARGUMENT if text.vocabulary_size is not 0, which is as many as there
// are, and yet has no room for two words beside the special tokens.
absl::Status CheckVocabularySize(int size);

// INVALID_ARGUMENT for settings that do not go together.
absl::Status CheckTogether(const TrainingSettings& settings);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRAINING_SETTINGS_H_
