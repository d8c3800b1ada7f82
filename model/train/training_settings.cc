// SPDX-License-Identifier: Apache-2.0
#include "model/train/training_settings.h"

#include "absl/strings/str_cat.h"
#include "model/onednn/matmul.h"
#include "model/text/vocabulary.h"

namespace carousel {
namespace {

constexpr double kAny = SettingsVisitor::kAny;

void VisitLearningRate(LearningRateSchedule* l, SettingsVisitor* v) {
  v->Number("training", "learning_rate", &l->peak, 1e-12, 1e6);
  v->Number("training", "final_learning_rate", &l->final, 0, 1e6);
  v->Number("training", "warmup_steps", &l->warmup_steps, 0, 1e15);
  v->Enum("training", "schedule", &l->decay,
          {{"constant", Decay::kConstant},
           {"linear", Decay::kLinear},
           {"cosine", Decay::kCosine},
           {"one_cycle", Decay::kOneCycle},
           {"plateau", Decay::kPlateau}});
  v->Number("training", "cycle_rise", &l->cycle_rise, 0.001, 0.999);
  v->Number("training", "cycle_div", &l->cycle_div, 1, 1e9);
  v->Number("training", "cycle_final_div", &l->cycle_final_div, 1, 1e12);
  v->Number("training", "plateau_evaluations", &l->plateau_evaluations, 1, 1e9);
  v->Number("training", "plateau_factor", &l->plateau_factor, 1e-6, 0.999);
}

}  // namespace

void VisitFixed(TrainingSettings* s, SettingsVisitor* v) {
  v->Enum("training", "optimiser", &s->trainer.optimiser.kind,
          {{"sgd", OptimiserKind::kSgd},
           {"averaged_sgd", OptimiserKind::kAveragedSgd},
           {"adam", OptimiserKind::kAdam},
           {"adamw", OptimiserKind::kAdamW}});
  v->Number("training", "momentum", &s->trainer.optimiser.momentum, 0, 0.9999);
  v->Number("training", "beta1", &s->trainer.optimiser.beta1, 0, 0.9999);
  v->Number("training", "beta2", &s->trainer.optimiser.beta2, 0, 0.999999);
  v->Number("training", "seed", &s->trainer.seed, 0, 9e18);
}

void VisitChangeable(TrainingSettings* s, SettingsVisitor* v) {
  v->Number("training", "accumulate", &s->accumulate, 1, 1 << 16);
  v->Number("training", "clip_norm", &s->trainer.clip_norm, 0, kAny);
  v->Number("training", "clip_value", &s->trainer.clip_value, 0, kAny);
  v->Number("training", "weight_decay", &s->trainer.optimiser.weight_decay, 0,
            kAny);
  VisitLearningRate(&s->learning_rate, v);
  v->Number("training", "epochs", &s->epochs, 0, 1e9);
  v->Number("training", "max_steps", &s->max_steps, 0, 1e15);
  v->Number("training", "max_minutes", &s->max_minutes, 0, kAny);
  v->Number("training", "evaluate_every_steps", &s->evaluate_every_steps, 0,
            1e15);
  v->Number("training", "patience", &s->patience, 0, 1e9);
  v->Number("training", "average_after_evaluations",
            &s->average_after_evaluations, 0, 1e9);
  v->Number("training", "checkpoint_every_minutes",
            &s->checkpoint_every_minutes, 0, kAny);
  v->Number("training", "log_every_steps", &s->log_every_steps, 1, 1e9);
  v->Number("training", "threads", &s->threads, 0, 4096);
  v->Enum("training", "precision", &s->precision,
          {{"f32", Precision::kF32}, {"bf16", Precision::kBF16}});
}

void VisitChangeable(BundleSettings* s, SettingsVisitor* v) {
  v->Enum("bundle", "stored_type", &s->stored_type,
          {{"f32", DType::kF32}, {"bf16", DType::kBF16}});
  v->Text("bundle", "description", &s->description);
  v->Texts("bundle", "data_notes", &s->data_notes);
}

void VisitTokenizer(TokenizerKind* kind, PieceTrainingOptions* pieces,
                    SettingsVisitor* v) {
  v->Enum("text", "tokenizer", kind,
          {{"words", TokenizerKind::kWords},
           {"whitespace", TokenizerKind::kWhitespace},
           {"subword", TokenizerKind::kSubword}});
  v->Enum(
      "text", "subword_algorithm", &pieces->algorithm,
      {{"unigram", PieceAlgorithm::kUnigram}, {"bpe", PieceAlgorithm::kBpe}});
  v->Number("text", "character_coverage", &pieces->character_coverage, 0.5, 1);
}

void VisitCell(Cell* cell, SettingsVisitor* v) {
  v->Enum("model", "cell", cell,
          {{"rnn_tanh", Cell::kTanhRnn},
           {"rnn_relu", Cell::kReluRnn},
           {"lstm", Cell::kLstm},
           {"gru", Cell::kGru}});
}

void VisitStackDropout(const char* input, StackDropout* dropout,
                       SettingsVisitor* v) {
  v->Number("training", input, &dropout->input, 0, 0.95);
  v->Number("training", "dropout_layers", &dropout->layers, 0, 0.95);
  v->Number("training", "dropout_output", &dropout->output, 0, 0.95);
  v->Bool("training", "dropout_variational", &dropout->variational);
  v->Number("training", "weight_drop", &dropout->weight_drop, 0, 0.95);
}

absl::Status CheckVocabularySize(int size) {
  const auto least = static_cast<int>(Vocabulary::SpecialTokens().size()) + 2;
  if (size == 0 || size >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("setting text.vocabulary_size: expected 0 or at least ",
                   least, ", found ", size));
}

Precision UsablePrecision(Precision wanted,
                          const std::function<void(absl::string_view)>& say) {
  if (wanted == Precision::kF32 || SupportsBF16()) return wanted;
  say("training.precision: this CPU has no bf16 instructions (AVX512_BF16), "
      "training in f32");
  return Precision::kF32;
}

absl::Status CheckTogether(const TrainingSettings& s) {
  if (s.epochs == 0 && s.max_steps == 0) {
    return absl::InvalidArgumentError(
        "settings training.epochs and training.max_steps: expected a limit in "
        "at least one, found 0 in both");
  }
  if (s.trainer.optimiser.kind == OptimiserKind::kAveragedSgd &&
      s.patience > 0 && s.patience < s.average_after_evaluations) {
    return absl::InvalidArgumentError(absl::StrCat(
        "setting training.patience: expected 0 or at least "
        "training.average_after_evaluations, ",
        s.average_after_evaluations,
        ", or the run stops before it averages; found ", s.patience));
  }
  return absl::OkStatus();
}

}  // namespace carousel
