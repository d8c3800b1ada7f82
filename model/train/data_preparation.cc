// SPDX-License-Identifier: Apache-2.0
#include "model/train/data_preparation.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/text/normalise.h"
#include "model/text/vocabulary.h"
#include "model/train/data_files.h"
#include "model/train/held_out_lines.h"
#include "model/train/spm_train.h"
#include "model/train/word_counter.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

constexpr char kVocabularyFile[] = "vocabulary.txt";
constexpr char kTrainFile[] = "train.tokens";
constexpr char kDevFile[] = "dev.tokens";
constexpr char kRecordFile[] = "data.json";

using nlohmann::ordered_json;

// Calls `use(line)` for each line of `path`, normalised. `use` returns a
// Status.
template <typename Use>
absl::Status ForEachLine(const std::string& path, TokenizerKind kind, Use use) {
  ASSIGN_OR_RETURN(auto reader, LineReader::Open(path));
  std::string line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next(&line));
    if (!more) return absl::OkStatus();
    absl::StatusOr<std::string> normalised = Normalise(line);
    if (!normalised.ok()) {
      return absl::Status(normalised.status().code(),
                          absl::StrCat(path, ":", reader->line_number(), ": ",
                                       normalised.status().message()));
    }
    // Text that is already tokenised is taken as it stands.
    RETURN_IF_ERROR(
        use(kind == TokenizerKind::kWhitespace ? line : *normalised));
  }
}

class Preparation {
 public:
  Preparation(const LanguageModelConfig& config, const std::string& directory,
              const Note& note, const Tokenizer* given)
      : config_(config), directory_(directory), note_(note), given_(given) {}

  absl::StatusOr<PreparedData> Run() {
    RETURN_IF_ERROR(ReadHeldOut());
    RETURN_IF_ERROR(ChooseVocabulary());
    RETURN_IF_ERROR(EncodeTrain());
    RETURN_IF_ERROR(EncodeDev());
    RETURN_IF_ERROR(WriteFileAtomically(JoinPath(directory_, kRecordFile),
                                        record_.dump(2) + "\n"));
    return LoadPreparedData(config_, directory_);
  }

 private:
  std::string PathOf(const std::string& name) const {
    return DataPath(config_.data_directory, name);
  }

  bool by_line() const { return config_.context == LineContext::kLine; }

  absl::Status ReadHeldOut() {
    if (!by_line()) return absl::OkStatus();
    std::vector<std::string> names = config_.dev;
    names.insert(names.end(), config_.exclude.begin(), config_.exclude.end());
    for (const std::string& name : names) {
      RETURN_IF_ERROR(ForEachLine(PathOf(name), config_.tokenizer,
                                  [&](const std::string& line) {
                                    held_out_.Add(line);
                                    return absl::OkStatus();
                                  }));
    }
    for (const std::string& name : config_.exclude) {
      RETURN_IF_ERROR(
          RecordFile(config_.data_directory, name, "exclude", {}, &record_));
    }
    return absl::OkStatus();
  }

  absl::Status ChooseVocabulary() {
    if (given_ != nullptr) {
      tokenizer_ = std::make_unique<Tokenizer>(*given_);
    } else if (config_.tokenizer == TokenizerKind::kSubword) {
      RETURN_IF_ERROR(TrainPieces());
    } else {
      RETURN_IF_ERROR(ChooseWords());
    }
    record_["vocabulary"] = tokenizer_->vocabulary().size();
    note_(absl::StrCat("vocabulary: ", tokenizer_->vocabulary().size(),
                       " tokens"));
    return WriteFileAtomically(JoinPath(directory_, kVocabularyFile),
                               tokenizer_->Serialise());
  }

  absl::Status TrainPieces() {
    ASSIGN_OR_RETURN(const auto trainer, PieceTrainer::Create(directory_));
    for (const TrainingFile& file : config_.train) {
      RETURN_IF_ERROR(ForEachLine(PathOf(file.path), config_.tokenizer,
                                  [&](const std::string& line) {
                                    absl::Status status;
                                    if (held_out_.Contains(line)) return status;
                                    for (int i = 0; i < file.repeat; ++i) {
                                      status.Update(trainer->Add(line));
                                    }
                                    return status;
                                  }));
    }
    note_("making subword pieces (spm_train)");
    PieceTrainingOptions options = config_.pieces;
    if (config_.vocabulary_size > 0) {
      options.vocabulary_size = config_.vocabulary_size;
    }
    ASSIGN_OR_RETURN(Tokenizer tokenizer, trainer->Train(options));
    tokenizer_ = std::make_unique<Tokenizer>(std::move(tokenizer));
    return absl::OkStatus();
  }

  absl::Status ChooseWords() {
    WordCounter counter;
    for (const TrainingFile& file : config_.train) {
      note_(absl::StrCat("counting the words of ", file.path));
      RETURN_IF_ERROR(ForEachLine(
          PathOf(file.path), config_.tokenizer, [&](const std::string& line) {
            if (held_out_.Contains(line)) return absl::OkStatus();
            for (const TextPiece& piece : SplitText(config_.tokenizer, line)) {
              counter.Add(piece.token, file.repeat);
            }
            return absl::OkStatus();
          }));
    }
    ASSIGN_OR_RETURN(
        Vocabulary vocabulary,
        ChooseWordsAsAsked(counter, config_.vocabulary_size,
                           config_.minimum_count,
                           DataPaths(config_.data_directory, config_.train)));
    tokenizer_ =
        std::make_unique<Tokenizer>(config_.tokenizer, std::move(vocabulary));
    return absl::OkStatus();
  }

  struct Counts : FileCounts {
    int64_t unknown = 0;  // of the tokens
  };

  absl::StatusOr<Counts> Encode(const std::string& name, bool drop_held_out,
                                CorpusWriter* writer) {
    Counts counts;
    std::vector<int32_t> ids;
    RETURN_IF_ERROR(ForEachLine(
        PathOf(name), config_.tokenizer,
        [&](const std::string& line) -> absl::Status {
          ++counts.lines;
          if (drop_held_out && held_out_.Contains(line)) {
            ++counts.dropped;
            return absl::OkStatus();
          }
          ids.clear();
          for (const TextPiece& piece : tokenizer_->Split(line)) {
            ids.push_back(tokenizer_->IdOf(piece));
          }
          if (ids.empty() && by_line()) return absl::OkStatus();
          counts.tokens += static_cast<int64_t>(ids.size()) + 1;
          counts.unknown +=
              std::count(ids.begin(), ids.end(), Vocabulary::kUnknown);
          return writer->Add(ids);
        }));
    if (counts.tokens == 0 && counts.dropped == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(PathOf(name), ": expected text, found none"));
    }
    return counts;
  }

  absl::Status EncodeTrain() {
    ASSIGN_OR_RETURN(auto writer,
                     CorpusWriter::Create(JoinPath(directory_, kTrainFile)));
    Counts all;
    for (const TrainingFile& file : config_.train) {
      Counts counts;
      for (int i = 0; i < file.repeat; ++i) {
        ASSIGN_OR_RETURN(counts, Encode(file.path, true, writer.get()));
        all.tokens += counts.tokens;
        all.unknown += counts.unknown;
      }
      note_(absl::StrCat(file.path, ": ", counts.lines, " lines, ",
                         counts.dropped, " dropped as held out, ",
                         counts.tokens, " tokens, read ", file.repeat,
                         " times an epoch"));
      counts.repeat = file.repeat;
      RETURN_IF_ERROR(RecordFile(config_.data_directory, file.path, "train",
                                 counts, &record_));
    }
    return FinishPart("train", all, writer.get());
  }

  absl::Status EncodeDev() {
    if (config_.dev.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(auto writer,
                     CorpusWriter::Create(JoinPath(directory_, kDevFile)));
    Counts all;
    for (const std::string& name : config_.dev) {
      ASSIGN_OR_RETURN(const Counts counts, Encode(name, false, writer.get()));
      all.tokens += counts.tokens;
      all.unknown += counts.unknown;
      RETURN_IF_ERROR(
          RecordFile(config_.data_directory, name, "dev", counts, &record_));
    }
    return FinishPart("dev", all, writer.get());
  }

  absl::Status FinishPart(const std::string& part, const Counts& all,
                          CorpusWriter* writer) {
    if (all.tokens == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("data.", part, ": no line is left to read"));
    }
    record_[part + "_tokens"] = all.tokens;
    record_[part + "_unknown"] =
        static_cast<double>(all.unknown) / static_cast<double>(all.tokens);
    return writer->Finish();
  }

  const LanguageModelConfig& config_;
  const std::string& directory_;
  const Note& note_;
  const Tokenizer* const given_;
  HeldOutLines held_out_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  ordered_json record_;
};

}  // namespace

absl::StatusOr<PreparedData> PrepareData(const LanguageModelConfig& config,
                                         const std::string& run_directory,
                                         const Note& note,
                                         const Tokenizer* given) {
  return Preparation(config, run_directory, note, given).Run();
}

absl::StatusOr<PreparedData> LoadPreparedData(
    const LanguageModelConfig& config, const std::string& run_directory) {
  PreparedData data;
  ASSIGN_OR_RETURN(data.record, ReadFile(JoinPath(run_directory, kRecordFile)));
  ASSIGN_OR_RETURN(Tokenizer tokenizer,
                   Tokenizer::Load(config.tokenizer,
                                   JoinPath(run_directory, kVocabularyFile)));
  data.tokenizer = std::make_shared<const Tokenizer>(std::move(tokenizer));
  const int size = data.tokenizer->vocabulary().size();
  ASSIGN_OR_RETURN(data.train,
                   Corpus::Open(JoinPath(run_directory, kTrainFile), size));
  if (!config.dev.empty()) {
    ASSIGN_OR_RETURN(data.dev,
                     Corpus::Open(JoinPath(run_directory, kDevFile), size));
  }
  return data;
}

}  // namespace carousel
