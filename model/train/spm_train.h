// SPDX-License-Identifier: Apache-2.0
//
// Subword vocabularies: `spm_train` (Debian: sentencepiece) chooses the pieces,
// as a child process; the library is never linked (model/text/README.md).

#ifndef CAROUSEL_MODEL_TRAIN_SPM_TRAIN_H_
#define CAROUSEL_MODEL_TRAIN_SPM_TRAIN_H_

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/text/pieces.h"
#include "model/text/tokenizer.h"

namespace carousel {

struct PieceTrainingOptions {
  PieceAlgorithm algorithm = PieceAlgorithm::kUnigram;
  int vocabulary_size = 8000;  // the special tokens included

  // Share of the text's characters, the most frequent ones, that must be in a
  // piece; what the others are in is <unk>.
  double character_coverage = 0.9995;
};

// Takes the text a line at a time, then trains. Its files lie in a folder of
// the run and are removed at the end, but for spm_train.log. Equal text and
// options give equal pieces. One per folder at a time; not thread-safe.
//
//   ASSIGN_OR_RETURN(auto trainer, PieceTrainer::Create(run_directory));
//   for (...) RETURN_IF_ERROR(trainer->Add(normalised_line));
//   ASSIGN_OR_RETURN(Tokenizer tokenizer, trainer->Train({}));
class PieceTrainer {
 public:
  // More lines than this are not read at once: spm_train holds its text in
  // memory. Of longer texts it takes so many at random.
  static constexpr int64_t kMostLines = 2'000'000;

  // FAILED_PRECONDITION for a path with a comma, which spm_train cannot read;
  // otherwise as WriteFileAtomically.
  static absl::StatusOr<std::unique_ptr<PieceTrainer>> Create(
      const std::string& directory);
  ~PieceTrainer();

  // A normalised line. RESOURCE_EXHAUSTED or UNAVAILABLE if it cannot be
  // written.
  absl::Status Add(absl::string_view line);

  // Blocks for seconds to minutes. INVALID_ARGUMENT, naming the setting, if the
  // text has not as many pieces as are wanted or more different characters;
  // NOT_FOUND, with the remedy, if spm_train is not installed; INTERNAL, with
  // its words, if it fails.
  absl::StatusOr<Tokenizer> Train(const PieceTrainingOptions& options);

 private:
  explicit PieceTrainer(const std::string& directory);
  std::string PathOf(absl::string_view name) const;

  const std::string directory_;
  std::ofstream text_;
};

// What went wrong, in the words of our settings. `log` is what spm_train wrote.
absl::Status ExplainSpmError(absl::string_view log,
                             const PieceTrainingOptions& options);

// The tokenizer of a `.vocab` file's content. DATA_LOSS if it is none.
absl::StatusOr<Tokenizer> TokenizerOfSpmVocabulary(PieceAlgorithm algorithm,
                                                   absl::string_view content);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_SPM_TRAIN_H_
