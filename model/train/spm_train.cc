// SPDX-License-Identifier: Apache-2.0
#include "model/train/spm_train.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "model/base/child_process.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

constexpr char kTextFile[] = "spm_train.input";
constexpr char kLogFile[] = "spm_train.log";
constexpr char kModelPrefix[] = "spm_train";  // .model and .vocab follow

// The result depends on it; not on the machine.
constexpr int kThreads = 2;

// The first run of digits in `text` behind `words`; -1 if there is none.
int64_t NumberBehind(absl::string_view text, absl::string_view words) {
  const size_t found = text.find(words);
  if (found == text.npos) return -1;
  text.remove_prefix(found + words.size());
  int64_t number = -1;
  const size_t end = text.find_first_not_of("0123456789");
  return absl::SimpleAtoi(text.substr(0, end), &number) ? number : -1;
}

std::vector<std::string> CommandOf(const PieceTrainingOptions& options,
                                   const std::string& text,
                                   const std::string& prefix) {
  const auto special = Vocabulary::SpecialTokens();
  return {
      "spm_train",
      absl::StrCat("--input=", text),
      absl::StrCat("--model_prefix=", prefix),
      absl::StrCat("--model_type=", PieceAlgorithmName(options.algorithm)),
      absl::StrCat("--vocab_size=", options.vocabulary_size),
      absl::StrCat("--character_coverage=", options.character_coverage),
      // Ours came before (model/text/pieces.h).
      "--normalization_rule_name=identity",
      absl::StrCat("--unk_piece=", special[Vocabulary::kUnknown]),
      absl::StrCat("--unk_id=", Vocabulary::kUnknown),
      absl::StrCat("--eos_piece=", special[Vocabulary::kEndOfLine]),
      absl::StrCat("--eos_id=", Vocabulary::kEndOfLine),
      "--bos_id=-1",
      // Takes the next id that is free.
      absl::StrCat("--control_symbols=", special[Vocabulary::kNumber]),
      absl::StrCat("--input_sentence_size=", PieceTrainer::kMostLines),
      absl::StrCat("--max_sentence_length=", LineReader::kMaxLineBytes),
      "--random_seed=1",
      absl::StrCat("--num_threads=", kThreads),
      "--minloglevel=1",
  };
}

// The line that says why; the last one but for the announcement of the end.
absl::string_view LastWords(absl::string_view log) {
  absl::string_view last;
  for (const absl::string_view line : absl::StrSplit(log, '\n')) {
    if (!line.empty() && !absl::StartsWith(line, "Program terminated")) {
      last = line;
    }
  }
  return last;
}

}  // namespace

absl::Status ExplainSpmError(absl::string_view log,
                             const PieceTrainingOptions& options) {
  if (absl::StrContains(log, "Vocabulary size too high")) {
    const int64_t most = NumberBehind(log, "to a value <= ");
    return absl::InvalidArgumentError(
        absl::StrCat("setting text.vocabulary_size: expected at most ", most,
                     ", for so many pieces does this text have, found ",
                     options.vocabulary_size));
  }
  if (absl::StrContains(log, "is smaller than required_chars")) {
    const int64_t least = NumberBehind(log, " vs ");
    return absl::InvalidArgumentError(absl::StrCat(
        "setting text.vocabulary_size: expected at least ", least,
        ", one for each character (see text.character_coverage), found ",
        options.vocabulary_size));
  }
  if (absl::StrContains(log, "!sentences_.empty()")) {
    return absl::InvalidArgumentError("expected text, found none");
  }
  return absl::InternalError(absl::StrCat("spm_train: ", LastWords(log)));
}

absl::StatusOr<Tokenizer> TokenizerOfSpmVocabulary(PieceAlgorithm algorithm,
                                                   absl::string_view content) {
  // Our file differs in the first line only.
  const std::string expected =
      absl::StrCat(Vocabulary::SpecialTokens()[Vocabulary::kUnknown], "\t0\n");
  if (!absl::ConsumePrefix(&content, expected)) {
    return absl::DataLossError(
        "spm_train: expected <unk> in the first line of its vocabulary");
  }
  absl::StatusOr<PieceVocabulary> parsed = ParsePieces(
      absl::StrCat(Vocabulary::SpecialTokens()[Vocabulary::kUnknown], "\t",
                   PieceAlgorithmName(algorithm), "\n", content));
  if (!parsed.ok()) {
    return absl::DataLossError(
        absl::StrCat("spm_train: ", parsed.status().message()));
  }
  return Tokenizer(std::move(parsed->vocabulary), std::move(parsed->pieces));
}

PieceTrainer::PieceTrainer(const std::string& directory)
    : directory_(directory),
      text_(PathOf(kTextFile), std::ios::binary | std::ios::trunc) {}

PieceTrainer::~PieceTrainer() {
  text_.close();
  std::remove(PathOf(kTextFile).c_str());
  for (const char* suffix : {".model", ".vocab"}) {
    std::remove(PathOf(absl::StrCat(kModelPrefix, suffix)).c_str());
  }
}

std::string PieceTrainer::PathOf(absl::string_view name) const {
  return JoinPath(directory_, name);
}

absl::StatusOr<std::unique_ptr<PieceTrainer>> PieceTrainer::Create(
    const std::string& directory) {
  if (absl::StrContains(directory, ',')) {
    return absl::FailedPreconditionError(absl::StrCat(
        directory, ": expected a path without a comma, for spm_train"));
  }
  auto trainer = absl::WrapUnique(new PieceTrainer(directory));
  if (!trainer->text_) {
    return LastError("create", trainer->PathOf(kTextFile));
  }
  return trainer;
}

absl::Status PieceTrainer::Add(absl::string_view line) {
  text_.write(line.data(), static_cast<std::streamsize>(line.size()));
  text_.put('\n');
  return text_ ? absl::OkStatus() : LastError("write", PathOf(kTextFile));
}

absl::StatusOr<Tokenizer> PieceTrainer::Train(
    const PieceTrainingOptions& options) {
  text_.close();
  if (!text_) return LastError("write", PathOf(kTextFile));
  const std::string log_path = PathOf(kLogFile);
  const absl::Status status = RunProgram(
      CommandOf(options, PathOf(kTextFile), PathOf(kModelPrefix)), log_path);
  if (absl::IsNotFound(status)) {
    return absl::NotFoundError(
        "spm_train, which makes subword vocabularies, is not installed: "
        "apt-get install sentencepiece");
  }
  if (!status.ok()) {
    ASSIGN_OR_RETURN(const std::string log, ReadFile(log_path));
    return ExplainSpmError(log, options);
  }
  ASSIGN_OR_RETURN(const std::string content,
                   ReadFile(PathOf(absl::StrCat(kModelPrefix, ".vocab"))));
  return TokenizerOfSpmVocabulary(options.algorithm, content);
}

}  // namespace carousel
