// SPDX-License-Identifier: Apache-2.0

#include "model/train/translator_data.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/text/vocabulary.h"
#include "model/train/corpus.h"
#include "model/train/data_files.h"
#include "model/train/translator_tokenizers.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

constexpr char kTrainFile[] = "train.tokens";
constexpr char kDevFile[] = "dev.tokens";
constexpr char kDevTextFile[] = "dev.tsv";
constexpr char kRecordFile[] = "data.json";

using nlohmann::ordered_json;
using PairSink = std::function<absl::Status(const std::string& source,
                                            const std::string& target)>;

// Calls `use` for each pair of `path`, whose empty lines are skipped; its
// errors get "path:line" in front.
absl::Status ForEachPair(const std::string& path, const PairSink& use) {
  ASSIGN_OR_RETURN(auto reader, LineReader::Open(path));
  const auto at_line = [&](const absl::Status& status) {
    return absl::Status(
        status.code(),
        absl::StrCat(path, ":", reader->line_number(), ": ", status.message()));
  };
  std::string line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next(&line));
    if (!more) return absl::OkStatus();
    if (line.empty()) continue;
    const std::vector<std::string> parts = absl::StrSplit(line, '\t');
    if (parts.size() != 2 || absl::StripAsciiWhitespace(parts[0]).empty() ||
        absl::StripAsciiWhitespace(parts[1]).empty()) {
      return at_line(absl::InvalidArgumentError(
          absl::StrCat("expected source<TAB>target, found ", parts.size() - 1,
                       " tabs", parts.size() == 2 ? " and no text" : "")));
    }
    if (absl::Status status = use(parts[0], parts[1]); !status.ok()) {
      return at_line(status);
    }
  }
}

class Preparation {
 public:
  Preparation(const TranslatorConfig& config, const std::string& directory,
              const Note& note)
      : config_(config), directory_(directory), note_(note) {}

  absl::StatusOr<TranslatorData> Run() {
    RETURN_IF_ERROR(ReadDev());
    RETURN_IF_ERROR(MakeTokenizers());
    RETURN_IF_ERROR(EncodeTrain());
    RETURN_IF_ERROR(EncodeDev());
    RETURN_IF_ERROR(WriteFileAtomically(JoinPath(directory_, kRecordFile),
                                        record_.dump(2) + "\n"));
    return LoadTranslatorData(config_, directory_);
  }

 private:
  struct Counts {
    int64_t pairs = 0;  // read
    int64_t dropped = 0;
    int64_t tokens[2] = {0, 0};  // of source and target
    int64_t unknown[2] = {0, 0};
  };

  std::string PathOf(const std::string& name) const {
    return DataPath(config_.data_directory, name);
  }

  // The sources of dev, which training must not see, and its text for BLEU.
  absl::Status ReadDev() {
    std::string text;
    for (const std::string& name : config_.dev) {
      RETURN_IF_ERROR(ForEachPair(PathOf(name), [&](const std::string& source,
                                                    const std::string& target) {
        dev_sources_.insert(source);
        absl::StrAppend(&text, source, "\t", target, "\n");
        return absl::OkStatus();
      }));
    }
    if (config_.dev.empty()) return absl::OkStatus();
    return WriteFileAtomically(JoinPath(directory_, kDevTextFile), text);
  }

  absl::Status ForEachTrainingPair(const PairSink& use) {
    for (const TrainingFile& file : config_.train) {
      RETURN_IF_ERROR(ForEachPair(
          PathOf(file.path),
          [&](const std::string& source, const std::string& target) {
            absl::Status status;
            if (dev_sources_.contains(source)) return status;
            for (int i = 0; i < file.repeat; ++i) {
              status.Update(use(source, target));
            }
            return status;
          }));
    }
    return absl::OkStatus();
  }

  absl::Status MakeTokenizers() {
    note_(absl::StrCat("making the vocabularies of ", config_.train.size(),
                       " files"));
    ASSIGN_OR_RETURN(tokenizers_, TrainTranslatorTokenizers(
                                      config_,
                                      [this](const PairSink& use) {
                                        return ForEachTrainingPair(use);
                                      },
                                      directory_));
    record_["source_vocabulary"] = tokenizers_.source->vocabulary().size();
    record_["target_vocabulary"] = tokenizers_.target->vocabulary().size();
    note_(absl::StrCat(
        "vocabularies: ", tokenizers_.source->vocabulary().size(), " and ",
        tokenizers_.target->vocabulary().size(), " tokens"));
    return absl::OkStatus();
  }

  // A corpus whose lines are source and target in turn.
  absl::Status Encode(const std::string& name, bool drop_dev,
                      CorpusWriter* writer, Counts* counts) {
    return ForEachPair(
        PathOf(name),
        [&](const std::string& source,
            const std::string& target) -> absl::Status {
          ++counts->pairs;
          if (drop_dev && dev_sources_.contains(source)) {
            ++counts->dropped;
            return absl::OkStatus();
          }
          const std::pair<const Tokenizer*, const std::string*> sides[] = {
              {tokenizers_.source.get(), &source},
              {tokenizers_.target.get(), &target}};
          for (int side = 0; side < 2; ++side) {
            ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                             sides[side].first->Encode(*sides[side].second));
            if (std::count(ids.begin(), ids.end(), Vocabulary::kEndOfLine)) {
              return absl::InvalidArgumentError(
                  "expected text, found the token <eos>, which ends one");
            }
            counts->tokens[side] += static_cast<int64_t>(ids.size());
            counts->unknown[side] +=
                std::count(ids.begin(), ids.end(), Vocabulary::kUnknown);
            RETURN_IF_ERROR(writer->Add(ids));
          }
          return absl::OkStatus();
        });
  }

  absl::Status EncodeTrain() {
    ASSIGN_OR_RETURN(auto writer,
                     CorpusWriter::Create(JoinPath(directory_, kTrainFile)));
    Counts all;
    for (const TrainingFile& file : config_.train) {
      const Counts before = all;
      for (int i = 0; i < file.repeat; ++i) {
        RETURN_IF_ERROR(Encode(file.path, true, writer.get(), &all));
      }
      const FileCounts counts = {
          .lines = (all.pairs - before.pairs) / file.repeat,
          .dropped = (all.dropped - before.dropped) / file.repeat,
          .repeat = file.repeat};
      note_(absl::StrCat(file.path, ": ", counts.lines, " pairs, ",
                         counts.dropped, " dropped as those of dev"));
      RETURN_IF_ERROR(RecordFile(config_.data_directory, file.path, "train",
                                 counts, &record_));
    }
    if (all.pairs == all.dropped) {
      return absl::InvalidArgumentError(
          "data.train: expected pairs that are not those of dev, found none");
    }
    record_["train_pairs"] = all.pairs - all.dropped;
    const auto share = [&](int side) {
      return static_cast<double>(all.unknown[side]) /
             static_cast<double>(std::max<int64_t>(1, all.tokens[side]));
    };
    record_["source_unknown"] = share(0);
    record_["target_unknown"] = share(1);
    return writer->Finish();
  }

  absl::Status EncodeDev() {
    if (config_.dev.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(auto writer,
                     CorpusWriter::Create(JoinPath(directory_, kDevFile)));
    Counts all;
    for (const std::string& name : config_.dev) {
      const int64_t before = all.pairs;
      RETURN_IF_ERROR(Encode(name, false, writer.get(), &all));
      RETURN_IF_ERROR(RecordFile(config_.data_directory, name, "dev",
                                 {.lines = all.pairs - before}, &record_));
    }
    if (all.pairs == 0) {
      return absl::InvalidArgumentError("data.dev: expected pairs, found none");
    }
    record_["dev_pairs"] = all.pairs;
    return writer->Finish();
  }

  const TranslatorConfig& config_;
  const std::string& directory_;
  const Note& note_;
  absl::flat_hash_set<std::string> dev_sources_;
  TranslatorTokenizers tokenizers_;
  ordered_json record_;
};

// What the record says under `key`; -1 if it is no number.
int64_t CountIn(const std::string& record, const char* key) {
  const auto json = ordered_json::parse(record, nullptr, false);
  if (!json.is_object() || !json.contains(key)) return -1;
  return json[key].is_number_integer() ? json[key].get<int64_t>() : -1;
}

// The `pairs` pairs out of a corpus of lines in turn; sources keep their <eos>.
absl::StatusOr<std::shared_ptr<const ExampleSet>> ReadExamples(
    const std::string& path, const TranslatorData& data, int64_t pairs) {
  ASSIGN_OR_RETURN(
      const auto corpus,
      Corpus::Open(path, std::max(data.source->vocabulary().size(),
                                  data.target->vocabulary().size())));
  if (corpus->lines() != 2 * pairs) {
    return absl::DataLossError(absl::StrCat(path, ": expected ", pairs,
                                            " pairs of lines, found ",
                                            corpus->lines(), " lines"));
  }
  auto examples = std::make_shared<ExampleSet>();
  const absl::Span<const int32_t> tokens = corpus->tokens();
  absl::Span<const int32_t> source;
  size_t begin = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] != Vocabulary::kEndOfLine) continue;
    if (source.empty()) {
      source = tokens.subspan(begin, i + 1 - begin);
    } else {
      examples->Add(source, tokens.subspan(begin, i - begin));
      source = {};
    }
    begin = i + 1;
  }
  return examples;
}

// Those of dev that are short enough to be translated.
absl::StatusOr<std::vector<ReferencePair>> ReadDevPairs(
    const std::string& path, const Tokenizer& tokenizer, int max_source) {
  ASSIGN_OR_RETURN(std::vector<ReferencePair> pairs, ReadReferencePairs(path));
  std::vector<ReferencePair> kept;
  for (ReferencePair& pair : pairs) {
    ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                     tokenizer.Encode(pair.source));
    if (ids.size() > static_cast<size_t>(max_source)) continue;
    kept.push_back(std::move(pair));
  }
  return kept;
}

}  // namespace

absl::StatusOr<TranslatorData> PrepareTranslatorData(
    const TranslatorConfig& config, const std::string& run_directory,
    const Note& note) {
  return Preparation(config, run_directory, note).Run();
}

absl::StatusOr<TranslatorData> LoadTranslatorData(
    const TranslatorConfig& config, const std::string& run_directory) {
  TranslatorData data;
  ASSIGN_OR_RETURN(data.record, ReadFile(JoinPath(run_directory, kRecordFile)));
  ASSIGN_OR_RETURN(const TranslatorTokenizers tokenizers,
                   LoadTranslatorTokenizers(config, run_directory));
  data.source = tokenizers.source;
  data.target = tokenizers.target;
  ASSIGN_OR_RETURN(data.train,
                   ReadExamples(JoinPath(run_directory, kTrainFile), data,
                                CountIn(data.record, "train_pairs")));
  if (!config.dev.empty()) {
    ASSIGN_OR_RETURN(data.dev,
                     ReadExamples(JoinPath(run_directory, kDevFile), data,
                                  CountIn(data.record, "dev_pairs")));
    ASSIGN_OR_RETURN(data.dev_pairs,
                     ReadDevPairs(JoinPath(run_directory, kDevTextFile),
                                  *data.source, config.max_source));
  }
  const ExampleStreamOptions options = StreamOptions(config);
  for (const auto& [part, set] : {std::pair("train", data.train.get()),
                                  std::pair("dev", data.dev.get())}) {
    if (set == nullptr) continue;
    const int64_t too_long = ExampleStream::CountTooLong(*set, options);
    if (too_long == set->size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "data.", part, ": all ", too_long,
          " pairs are longer than text.max_source, ", config.max_source,
          ", or text.max_target, ", config.max_target));
    }
  }
  return data;
}

ExampleStreamOptions StreamOptions(const TranslatorConfig& config) {
  return {.rows = config.rows,
          .tokens = config.tokens,
          .max_source = config.max_source + 1,  // with <eos>
          .max_target = config.max_target + 1,
          .max_buckets = config.max_buckets,
          .seed = config.training.trainer.seed};
}

}  // namespace carousel
