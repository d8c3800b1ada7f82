// SPDX-License-Identifier: Apache-2.0

#include "model/train/classifier_data.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/tasks/labelled_text.h"
#include "model/text/whole_text.h"
#include "model/train/classifier_examples.h"
#include "model/train/data_files.h"
#include "model/train/held_out_lines.h"
#include "model/train/spm_train.h"
#include "model/train/word_counter.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

constexpr char kVocabularyFile[] = "vocabulary.txt";
constexpr char kTrainFile[] = "train.examples";
constexpr char kDevFile[] = "dev.examples";
constexpr char kRecordFile[] = "data.json";

using nlohmann::ordered_json;

// Numbers in their order, if all are numbers; else by their bytes.
std::vector<std::string> InOrder(const std::map<std::string, int64_t>& counts) {
  std::vector<std::string> labels;
  for (const auto& [label, count] : counts) labels.push_back(label);
  const auto number = [](const std::string& label) {
    int64_t value = 0;
    return absl::SimpleAtoi(label, &value) ? std::optional(value)
                                           : std::nullopt;
  };
  const bool numbers = std::all_of(
      labels.begin(), labels.end(),
      [&](const std::string& label) { return number(label).has_value(); });
  if (numbers) {
    std::stable_sort(labels.begin(), labels.end(),
                     [&](const std::string& a, const std::string& b) {
                       return *number(a) < *number(b);
                     });
  }
  return labels;
}

class Preparation {
 public:
  Preparation(const ClassifierConfig& config, const std::string& directory,
              const Note& note)
      : config_(config), directory_(directory), note_(note) {}

  absl::StatusOr<ClassifierData> Run(const Tokenizer* given) {
    ASSIGN_OR_RETURN(labels_of_file_, LabelMap::Parse(config_.label_map));
    RETURN_IF_ERROR(ReadDev());
    RETURN_IF_ERROR(ReadTrain());
    RETURN_IF_ERROR(ChooseLabels());
    RETURN_IF_ERROR(ChooseTokenizer(given));
    RETURN_IF_ERROR(EncodeTrain());
    RETURN_IF_ERROR(EncodeDev());
    RETURN_IF_ERROR(WriteFileAtomically(JoinPath(directory_, kRecordFile),
                                        record_.dump(2) + "\n"));
    return LoadClassifierData(config_, directory_);
  }

 private:
  struct Text {
    std::string label;
    std::string text;
    int repeat = 1;
    std::string place;  // "path:line", of dev
  };

  std::string PathOf(const std::string& name) const {
    return DataPath(config_.data_directory, name);
  }

  absl::Status ReadDev() {
    for (const std::string& name : config_.dev) {
      const size_t before = dev_.size();
      const std::string path = PathOf(name);
      RETURN_IF_ERROR(ForEachLabelledLine(
          path, labels_of_file_, [&](const LabelledLine& line) {
            held_out_.Add(line.text);
            dev_.push_back({line.label, line.text, 1,
                            absl::StrCat(path, ":", line.number)});
            return absl::OkStatus();
          }));
      RETURN_IF_ERROR(RecordFile(
          config_.data_directory, name, "dev",
          {.lines = static_cast<int64_t>(dev_.size() - before)}, &record_));
    }
    if (!config_.dev.empty() && dev_.empty()) {
      return absl::InvalidArgumentError("data.dev: expected texts, found none");
    }
    return absl::OkStatus();
  }

  absl::Status ReadTrain() {
    for (const TrainingFile& file : config_.train) {
      note_(absl::StrCat("reading ", file.path));
      FileCounts counts = {.repeat = file.repeat};
      RETURN_IF_ERROR(ForEachLabelledLine(
          PathOf(file.path), labels_of_file_, [&](const LabelledLine& line) {
            ++counts.lines;
            if (held_out_.Contains(line.text)) {
              ++counts.dropped;
              return absl::OkStatus();
            }
            train_.push_back({line.label, line.text, file.repeat, ""});
            return absl::OkStatus();
          }));
      note_(absl::StrCat(file.path, ": ", counts.lines, " texts, ",
                         counts.dropped, " dropped as held out, read ",
                         file.repeat, " times an epoch"));
      RETURN_IF_ERROR(RecordFile(config_.data_directory, file.path, "train",
                                 counts, &record_));
    }
    return absl::OkStatus();
  }

  absl::Status ChooseLabels() {
    std::map<std::string, int64_t> counts;
    for (const Text& text : train_) counts[text.label] += text.repeat;
    if (counts.size() < 2) {
      return absl::InvalidArgumentError(
          absl::StrCat("data.train: expected texts of at least two labels, "
                       "found ",
                       counts.size()));
    }
    const std::vector<std::string> labels = InOrder(counts);
    for (const std::string& label : labels) {
      label_ids_.emplace(label, static_cast<int32_t>(label_ids_.size()));
      record_["labels"].push_back({{"label", label}, {"texts", counts[label]}});
    }
    for (const Text& text : dev_) {
      if (label_ids_.contains(text.label)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(text.place, ": label \"", text.label,
                       "\" is unseen in training, whose labels are ",
                       absl::StrJoin(labels, ", ")));
    }
    return absl::OkStatus();
  }

  absl::Status ChooseTokenizer(const Tokenizer* given) {
    absl::StatusOr<Tokenizer> tokenizer =
        given != nullptr ? absl::StatusOr<Tokenizer>(*given)
        : config_.tokenizer == TokenizerKind::kSubword ? TrainPieces()
                                                       : ChooseWords();
    RETURN_IF_ERROR(tokenizer.status());
    tokenizer_ = std::make_unique<Tokenizer>(*std::move(tokenizer));
    record_["vocabulary"] = tokenizer_->vocabulary().size();
    note_(absl::StrCat("vocabulary: ", tokenizer_->vocabulary().size(),
                       " tokens, labels: ", label_ids_.size()));
    return WriteFileAtomically(JoinPath(directory_, kVocabularyFile),
                               tokenizer_->Serialise());
  }

  absl::StatusOr<Tokenizer> TrainPieces() const {
    ASSIGN_OR_RETURN(const auto trainer, PieceTrainer::Create(directory_));
    for (const Text& text : train_) {
      ASSIGN_OR_RETURN(const std::string line,
                       PrepareWholeText(config_.tokenizer, text.text));
      for (int i = 0; i < text.repeat; ++i) {
        RETURN_IF_ERROR(trainer->Add(line));
      }
    }
    note_("making subword pieces (spm_train)");
    PieceTrainingOptions options = config_.pieces;
    if (config_.vocabulary_size > 0) {
      options.vocabulary_size = config_.vocabulary_size;
    }
    return trainer->Train(options);
  }

  absl::StatusOr<Tokenizer> ChooseWords() const {
    WordCounter counter;
    for (const Text& text : train_) {
      ASSIGN_OR_RETURN(const std::string line,
                       PrepareWholeText(config_.tokenizer, text.text));
      for (const TextPiece& piece : SplitText(config_.tokenizer, line)) {
        counter.Add(piece.token, text.repeat);
      }
    }
    ASSIGN_OR_RETURN(
        Vocabulary vocabulary,
        ChooseWordsAsAsked(counter, config_.vocabulary_size,
                           config_.minimum_count,
                           DataPaths(config_.data_directory, config_.train)));
    return Tokenizer(config_.tokenizer, std::move(vocabulary));
  }

  absl::StatusOr<std::vector<int32_t>> Encode(const std::string& text,
                                              int64_t* cut) const {
    ASSIGN_OR_RETURN(WholeText whole,
                     EncodeWholeText(*tokenizer_, config_.longest, text));
    *cut += whole.cut;
    return std::move(whole.tokens);
  }

  absl::Status EncodeTrain() {
    ClassifierExamples examples;
    int64_t cut = 0;
    for (const Text& text : train_) {
      ASSIGN_OR_RETURN(const auto tokens, Encode(text.text, &cut));
      for (int i = 0; i < text.repeat; ++i) {
        examples.Add(tokens, label_ids_.at(text.label));
      }
    }
    record_["train_texts"] = examples.labels.size();
    record_["cut_texts"] = cut;
    record_["train_unknown"] =
        static_cast<double>(std::count(examples.tokens.begin(),
                                       examples.tokens.end(),
                                       Vocabulary::kUnknown)) /
        static_cast<double>(examples.tokens.size());
    if (cut > 0) {
      note_(absl::StrCat(cut, " texts of more than ", config_.longest,
                         " tokens are cut"));
    }
    return WriteClassifierExamples(JoinPath(directory_, kTrainFile), examples);
  }

  absl::Status EncodeDev() {
    if (dev_.empty()) return absl::OkStatus();
    ClassifierExamples examples;
    int64_t cut = 0;
    for (const Text& text : dev_) {
      ASSIGN_OR_RETURN(const auto tokens, Encode(text.text, &cut));
      examples.Add(tokens, label_ids_.at(text.label));
    }
    record_["dev_texts"] = examples.labels.size();
    return WriteClassifierExamples(JoinPath(directory_, kDevFile), examples);
  }

  const ClassifierConfig& config_;
  const std::string& directory_;
  const Note& note_;
  LabelMap labels_of_file_;
  HeldOutLines held_out_;
  std::vector<Text> train_;
  std::vector<Text> dev_;
  std::map<std::string, int32_t> label_ids_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  ordered_json record_;
};

absl::StatusOr<std::vector<std::string>> LabelsOf(const std::string& record,
                                                  const std::string& path) {
  const auto json = ordered_json::parse(record, nullptr, false);
  std::vector<std::string> labels;
  if (json.is_object() && json.contains("labels") &&
      json["labels"].is_array()) {
    for (const ordered_json& label : json["labels"]) {
      if (label.is_object()) labels.push_back(label.value("label", ""));
    }
  }
  if (labels.size() >= 2) return labels;
  return absl::DataLossError(absl::StrCat(path, ": expected a list of labels"));
}

}  // namespace

absl::StatusOr<ClassifierData> PrepareClassifierData(
    const ClassifierConfig& config, const Tokenizer* given,
    const std::string& run_directory, const Note& note) {
  return Preparation(config, run_directory, note).Run(given);
}

absl::StatusOr<ClassifierData> LoadClassifierData(
    const ClassifierConfig& config, const std::string& run_directory) {
  ClassifierData data;
  const std::string record = JoinPath(run_directory, kRecordFile);
  ASSIGN_OR_RETURN(data.record, ReadFile(record));
  ASSIGN_OR_RETURN(data.labels, LabelsOf(data.record, record));
  ASSIGN_OR_RETURN(Tokenizer tokenizer,
                   Tokenizer::Load(config.tokenizer,
                                   JoinPath(run_directory, kVocabularyFile)));
  data.tokenizer = std::make_shared<const Tokenizer>(std::move(tokenizer));
  const int words = data.tokenizer->vocabulary().size();
  const auto labels = static_cast<int>(data.labels.size());
  ASSIGN_OR_RETURN(data.train,
                   ReadClassifierExamples(JoinPath(run_directory, kTrainFile),
                                          words, labels));
  if (!config.dev.empty()) {
    ASSIGN_OR_RETURN(data.dev,
                     ReadClassifierExamples(JoinPath(run_directory, kDevFile),
                                            words, labels));
  }
  return data;
}

}  // namespace carousel
