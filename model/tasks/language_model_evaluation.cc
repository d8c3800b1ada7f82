// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/language_model_evaluation.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/round_trip.h"
#include "model/base/status_macros.h"
#include "model/tasks/line_measurer.h"
#include "model/tasks/progress_count.h"
#include "model/tasks/sequence_meter.h"
#include "model/tasks/stream_meter.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

// Lines read before they are measured side by side.
constexpr size_t kLinesAtOnce = 512;

struct Line {
  int64_t number = 0;
  std::string text;
};

// Measures lines on threads of its own; their counts are added in the order of
// the lines, so that the sum is the same for any number of threads.
class Evaluation {
 public:
  Evaluation(const Model& model, const EvaluationOptions& options,
             ProgressCount* progress)
      : guessable_(GuessableTokens(model.tokenizer())), progress_(progress) {
    for (int i = 0; i < options.threads; ++i) {
      measurers_.push_back(std::make_unique<LineMeasurer>(model, guessable_,
                                                          options.keystrokes));
    }
  }

  // Adds the counts of `lines`. The error of the first line that has one.
  absl::Status Add(const std::vector<Line>& lines) {
    std::atomic<size_t> next = 0;
    std::vector<absl::StatusOr<TextCounts>> results(lines.size());
    std::vector<std::thread> threads;
    for (const auto& measurer : measurers_) {
      threads.emplace_back([&, measurer = measurer.get()] {
        omp_set_num_threads(1);  // this thread's own setting
        for (size_t i = next++; i < lines.size(); i = next++) {
          results[i] = measurer->Measure(lines[i].text);
          progress_->Add(1);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 0; i < lines.size(); ++i) {
      if (!results[i].ok()) {
        return absl::Status(results[i].status().code(),
                            absl::StrCat("line ", lines[i].number, ": ",
                                         results[i].status().message()));
      }
      counts_ += *results[i];
    }
    return absl::OkStatus();
  }

  const TextCounts& counts() const { return counts_; }

 private:
  const std::vector<bool> guessable_;
  ProgressCount* const progress_;
  std::vector<std::unique_ptr<LineMeasurer>> measurers_;  // one a thread
  TextCounts counts_;
};

absl::Status MeasureFile(const std::string& path, Evaluation* evaluation) {
  ASSIGN_OR_RETURN(const auto reader, LineReader::Open(path));
  std::vector<Line> lines;
  bool more = true;
  while (more) {
    std::string text;
    ASSIGN_OR_RETURN(more, reader->Next(&text));
    if (more) lines.push_back({reader->line_number(), std::move(text)});
    if (more && lines.size() < kLinesAtOnce) continue;
    if (absl::Status status = evaluation->Add(lines); !status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat(path, ", ", status.message()));
    }
    lines.clear();
  }
  return absl::OkStatus();
}

// The file as one text, through one state.
absl::StatusOr<StreamCounts> MeasureStream(const Model& model,
                                           const std::string& path,
                                           const EvaluationOptions& options,
                                           ProgressCount* progress) {
  const std::vector<bool> guessable = GuessableTokens(model.tokenizer());
  StreamMeter meter(model, guessable,
                    {.threads = options.threads,
                     .cache = options.cache,
                     .make_dot_products = options.make_dot_products});
  ASSIGN_OR_RETURN(const auto reader, LineReader::Open(path));
  std::string line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next(&line));
    if (!more) return meter.Finish();
    const auto text = model.tokenizer().Prepare(line);
    if (!text.ok()) {
      return absl::Status(text.status().code(),
                          absl::StrCat(path, ", line ", reader->line_number(),
                                       ": ", text.status().message()));
    }
    for (const TextPiece& piece : model.tokenizer().Split(*text)) {
      RETURN_IF_ERROR(meter.Add(model.tokenizer().IdOf(piece), piece.is_word));
    }
    RETURN_IF_ERROR(meter.Add(Vocabulary::kEndOfLine, /*is_word=*/false));
    progress->Add(1);
  }
}

LanguageModelFigures::WithCache BestOf(const CacheOptions& cache,
                                       const StreamCounts& counts) {
  const auto best =
      std::min_element(counts.cache_losses.begin(), counts.cache_losses.end());
  return {std::exp(*best / static_cast<double>(counts.text.tokens)), cache.size,
          cache.settings[best - counts.cache_losses.begin()]};
}

absl::Status CheckEvaluationOptions(const Model& model,
                                    const EvaluationOptions& options) {
  if (options.threads < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads: expected at least 1, found ", options.threads));
  }
  RETURN_IF_ERROR(CheckCacheOptions(options.cache));
  if (options.cache.size > 0 &&
      model.manifest().language_model().context != LineContext::kStream) {
    return absl::InvalidArgumentError(
        "cache_size: expected a bundle with the context \"stream\", found "
        "\"line\": where each line stands alone there is nothing to remember");
  }
  return absl::OkStatus();
}

double Share(int64_t part, int64_t whole) {
  return whole == 0 ? 0
                    : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

LanguageModelFigures LanguageModelFigures::Of(const TextCounts& counts,
                                              bool is_typed) {
  LanguageModelFigures figures;
  figures.perplexity = std::exp(counts.negative_log_likelihood /
                                static_cast<double>(counts.tokens));
  figures.tokens = counts.tokens;
  figures.words = counts.words;
  figures.oov_rate = Share(counts.unknown_words, counts.words);
  figures.top1 = Share(counts.top1, counts.words);
  figures.top3 = Share(counts.top3, counts.words);
  figures.keystrokes_saved =
      is_typed ? Share(counts.characters - counts.keystrokes, counts.characters)
               : std::numeric_limits<double>::quiet_NaN();
  return figures;
}

std::string LanguageModelFigures::ToJson() const {
  nlohmann::ordered_json json = {{"task", "language_model"},
                                 {"perplexity", perplexity}};
  if (with_cache) {
    json["perplexity_with_cache"] = with_cache->perplexity;
    json["cache"] = {{"size", with_cache->size},
                     {"theta", RoundTrip(with_cache->setting.theta)},
                     {"lambda", RoundTrip(with_cache->setting.lambda)}};
  }
  json.update({{"tokens", tokens},
               {"words", words},
               {"oov_rate", oov_rate},
               {"top1", top1},
               {"top3", top3},
               {"keystrokes_saved", keystrokes_saved}});
  return json.dump();
}

absl::StatusOr<LanguageModelFigures> EvaluateLanguageModel(
    const Model& model, const std::string& path,
    const EvaluationOptions& options) {
  RETURN_IF_ERROR(CheckEvaluationOptions(model, options));
  const bool is_typed =
      options.keystrokes && model.tokenizer().kind() == TokenizerKind::kWords;
  const bool is_stream =
      model.manifest().language_model().context == LineContext::kStream;
  ProgressCount progress(options.on_progress);
  StreamCounts stream;
  if (is_stream) {
    ASSIGN_OR_RETURN(stream, MeasureStream(model, path, options, &progress));
  }
  Evaluation evaluation(model, options, &progress);
  if (!is_stream || is_typed) {
    RETURN_IF_ERROR(MeasureFile(path, &evaluation));
  }
  TextCounts counts = evaluation.counts();
  counts += stream.text;
  if (counts.tokens == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected lines of text, found none"));
  }
  LanguageModelFigures figures = LanguageModelFigures::Of(counts, is_typed);
  if (!stream.cache_losses.empty()) {
    figures.with_cache = BestOf(options.cache, stream);
  }
  return figures;
}

}  // namespace carousel
