// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/document_evaluation.h"

#include <omp.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "model/base/files.h"
#include "model/base/round_trip.h"
#include "model/base/status_macros.h"
#include "model/tasks/context_cache.h"
#include "model/tasks/line_measurer.h"
#include "model/tasks/progress_count.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

using Document = std::vector<std::string>;  // its lines

struct Counts {
  TextCounts alone;
  TextCounts with_context;
};

// Reads the earlier text of one document after another. One per thread.
class ContextSource {
 public:
  ContextSource(const Model& model, const ContextSetting& setting)
      : model_(model), setting_(setting) {}

  // Whose lines are read once.
  void BeginDocument() { states_.clear(); }

  // The cache of `text`; null if it has no word.
  absl::StatusOr<std::unique_ptr<ContextCache>> Read(const std::string& text) {
    ASSIGN_OR_RETURN(const std::vector<ContextPassage> passages,
                     CutContext(model_.tokenizer(), LineContext::kLine, text));
    if (passages.empty()) return nullptr;
    auto cache = std::make_unique<ContextCache>(model_.tokenizer().vocabulary(),
                                                passages, setting_);
    for (const ContextPassage& passage : passages) {
      ASSIGN_OR_RETURN(auto states, StatesOf(passage));
      cache->Append(std::move(states));
    }
    return cache;
  }

 private:
  using States = std::shared_ptr<const ContextStates>;

  absl::StatusOr<States> StatesOf(const ContextPassage& passage) {
    States& known = states_[passage];
    if (known != nullptr) return known;
    RecurrentState state = model_.network().InitialState(1);
    std::vector<float> top;  // y (T, 1, H)
    RETURN_IF_ERROR(
        model_.network().Advance(passage, static_cast<int>(passage.size()),
                                 /*rows=*/1, &state, &top, &workspace_));
    ContextStates states = {.width = top.size() / passage.size()};
    for (size_t at = 0; at < top.size(); at += states.width) {
      states.Append(absl::MakeConstSpan(top).subspan(at, states.width));
    }
    known = std::make_shared<const ContextStates>(std::move(states));
    return known;
  }

  const Model& model_;
  const ContextSetting setting_;
  LanguageModel::Workspace workspace_;
  absl::flat_hash_map<ContextPassage, States> states_;
};

// Measures documents. One per thread.
class DocumentMeasurer {
 public:
  DocumentMeasurer(const Model& model, const std::vector<bool>& guessable,
                   const ContextSetting& setting)
      : lines_(model, guessable), contexts_(model, setting) {}

  absl::StatusOr<Counts> Measure(const Document& document) {
    contexts_.BeginDocument();
    Counts counts;
    std::string before;
    for (const std::string& line : document) {
      ASSIGN_OR_RETURN(const TextCounts alone, lines_.Measure(line));
      ASSIGN_OR_RETURN(const auto context, contexts_.Read(before));
      counts.alone += alone;
      if (context == nullptr) {
        counts.with_context += alone;
      } else {
        ASSIGN_OR_RETURN(const TextCounts with_context,
                         lines_.Measure(line, context.get()));
        counts.with_context += with_context;
      }
      absl::StrAppend(&before, line, "\n");
    }
    return counts;
  }

 private:
  LineMeasurer lines_;
  ContextSource contexts_;
};

absl::StatusOr<std::vector<Document>> ReadDocuments(const std::string& path) {
  ASSIGN_OR_RETURN(const auto reader, LineReader::Open(path));
  std::vector<Document> documents;
  bool begins = true;
  std::string line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next(&line));
    if (!more) return documents;
    const bool is_blank = absl::StripAsciiWhitespace(line).empty();
    if (!is_blank && begins) documents.emplace_back();
    if (!is_blank) documents.back().push_back(line);
    begins = is_blank;
  }
}

// On threads of its own; the same sum for any number of them.
absl::StatusOr<Counts> MeasureAll(const Model& model,
                                  const std::vector<Document>& documents,
                                  const DocumentOptions& options) {
  const std::vector<bool> guessable = GuessableTokens(model.tokenizer());
  ProgressCount progress(options.on_progress);
  std::vector<absl::StatusOr<Counts>> results(documents.size());
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < options.threads; ++i) {
    threads.emplace_back([&] {
      omp_set_num_threads(1);  // this thread's own setting
      DocumentMeasurer measurer(model, guessable, options.setting);
      for (size_t n = next++; n < documents.size(); n = next++) {
        results[n] = measurer.Measure(documents[n]);
        progress.Add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Counts sum;
  for (size_t n = 0; n < results.size(); ++n) {
    if (!results[n].ok()) {
      return absl::Status(results[n].status().code(),
                          absl::StrCat("document ", n + 1, ": ",
                                       results[n].status().message()));
    }
    sum.alone += results[n]->alone;
    sum.with_context += results[n]->with_context;
  }
  return sum;
}

}  // namespace

std::string DocumentFigures::ToJson() const {
  auto json = nlohmann::ordered_json::parse(alone.ToJson());
  auto mixed = nlohmann::ordered_json::parse(with_context.ToJson());
  for (const char* same : {"task", "tokens", "words", "oov_rate"}) {
    mixed.erase(same);
  }
  mixed["theta"] = RoundTrip(setting.theta);
  mixed["lambda"] = RoundTrip(setting.lambda);
  json["documents"] = documents;
  json["with_context"] = std::move(mixed);
  return json.dump();
}

absl::StatusOr<DocumentFigures> EvaluateDocuments(
    const Model& model, const std::string& path,
    const DocumentOptions& options) {
  if (options.threads < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads: expected at least 1, found ", options.threads));
  }
  if (model.manifest().language_model().context == LineContext::kStream) {
    return absl::FailedPreconditionError(
        "documents are measured line by line: expected a bundle with the "
        "context \"line\", found \"stream\"");
  }
  ASSIGN_OR_RETURN(const std::vector<Document> documents, ReadDocuments(path));
  absl::StatusOr<Counts> counts = MeasureAll(model, documents, options);
  if (!counts.ok()) {
    return absl::Status(counts.status().code(),
                        absl::StrCat(path, ", ", counts.status().message()));
  }
  if (counts->alone.tokens == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected lines of text, found none"));
  }
  const bool is_typed = model.tokenizer().kind() == TokenizerKind::kWords;
  return DocumentFigures{
      .alone = LanguageModelFigures::Of(counts->alone, is_typed),
      .with_context = LanguageModelFigures::Of(counts->with_context, is_typed),
      .documents = static_cast<int64_t>(documents.size()),
      .setting = options.setting};
}

}  // namespace carousel
