// SPDX-License-Identifier: Apache-2.0

#include "model/train/translator_tokenizers.h"

#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/text/normalise.h"
#include "model/text/vocabulary.h"
#include "model/train/spm_train.h"
#include "model/train/word_counter.h"

namespace carousel {
namespace {

constexpr char kSourceFile[] = "source_vocabulary.txt";
constexpr char kTargetFile[] = "target_vocabulary.txt";

absl::Status Count(TokenizerKind kind, const std::string& text,
                   WordCounter* counter) {
  ASSIGN_OR_RETURN(const std::string normalised, Normalise(text));
  const std::string& line = kind == TokenizerKind::kWords ? normalised : text;
  for (const TextPiece& piece : SplitText(kind, line)) {
    counter->Add(piece.token, 1);
  }
  return absl::OkStatus();
}

absl::Status CountAndWrite(const TranslatorConfig& config,
                           const PairSource& pairs,
                           const std::string& run_directory) {
  WordCounter source;
  WordCounter target;
  WordCounter* of_target = config.joint ? &source : &target;
  const absl::Status counted =
      pairs([&](const std::string& from, const std::string& to) {
        RETURN_IF_ERROR(Count(config.tokenizer, from, &source));
        return Count(config.tokenizer, to, of_target);
      });
  RETURN_IF_ERROR(counted);
  for (const auto& [file, counter, kind] :
       {std::tuple(kSourceFile, &source, "source words"),
        std::tuple(kTargetFile, of_target, "target words")}) {
    ASSIGN_OR_RETURN(const Vocabulary vocabulary,
                     ChooseWords(*counter, config.vocabulary_size,
                                 config.minimum_count, kind));
    RETURN_IF_ERROR(WriteFileAtomically(JoinPath(run_directory, file),
                                        vocabulary.Serialise()));
  }
  return absl::OkStatus();
}

absl::StatusOr<Tokenizer> TrainPieces(const TranslatorConfig& config,
                                      const PairSource& pairs,
                                      bool reads_source, bool reads_target,
                                      const std::string& run_directory) {
  ASSIGN_OR_RETURN(const auto trainer, PieceTrainer::Create(run_directory));
  const auto add = [&](const std::string& text) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string line, Normalise(text));
    return trainer->Add(line);
  };
  const absl::Status added =
      pairs([&](const std::string& from, const std::string& to) {
        if (reads_source) RETURN_IF_ERROR(add(from));
        if (reads_target) RETURN_IF_ERROR(add(to));
        return absl::OkStatus();
      });
  RETURN_IF_ERROR(added);
  PieceTrainingOptions options = config.pieces;
  options.vocabulary_size = config.vocabulary_size;
  return trainer->Train(options);
}

absl::Status TrainAndWrite(const TranslatorConfig& config,
                           const PairSource& pairs,
                           const std::string& run_directory) {
  ASSIGN_OR_RETURN(
      Tokenizer tokenizer,
      TrainPieces(config, pairs, true, config.joint, run_directory));
  RETURN_IF_ERROR(WriteFileAtomically(JoinPath(run_directory, kSourceFile),
                                      tokenizer.Serialise()));
  if (!config.joint) {
    ASSIGN_OR_RETURN(tokenizer,
                     TrainPieces(config, pairs, false, true, run_directory));
  }
  return WriteFileAtomically(JoinPath(run_directory, kTargetFile),
                             tokenizer.Serialise());
}

}  // namespace

absl::StatusOr<TranslatorTokenizers> TrainTranslatorTokenizers(
    const TranslatorConfig& config, const PairSource& pairs,
    const std::string& run_directory) {
  RETURN_IF_ERROR(config.tokenizer == TokenizerKind::kSubword
                      ? TrainAndWrite(config, pairs, run_directory)
                      : CountAndWrite(config, pairs, run_directory));
  return LoadTranslatorTokenizers(config, run_directory);
}

absl::StatusOr<TranslatorTokenizers> LoadTranslatorTokenizers(
    const TranslatorConfig& config, const std::string& run_directory) {
  const auto load = [&](const char* file)
      -> absl::StatusOr<std::shared_ptr<const Tokenizer>> {
    ASSIGN_OR_RETURN(
        Tokenizer tokenizer,
        Tokenizer::Load(config.tokenizer, JoinPath(run_directory, file)));
    return std::make_shared<const Tokenizer>(std::move(tokenizer));
  };
  TranslatorTokenizers tokenizers;
  ASSIGN_OR_RETURN(tokenizers.source, load(kSourceFile));
  ASSIGN_OR_RETURN(tokenizers.target, load(kTargetFile));
  return tokenizers;
}

}  // namespace carousel
