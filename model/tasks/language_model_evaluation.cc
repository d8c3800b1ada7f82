// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/language_model_evaluation.h"

#include <omp.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/tasks/line_measurer.h"
#include "model/tasks/sequence_meter.h"
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
  Evaluation(const Model& model, const EvaluationOptions& options)
      : guessable_(GuessableTokens(model.tokenizer())), options_(options) {
    // A stream goes through one state, one line after the other.
    const bool is_stream =
        model.manifest().language_model().context == LineContext::kStream;
    const int threads = is_stream ? 1 : options.threads;
    for (int i = 0; i < threads; ++i) {
      measurers_.push_back(std::make_unique<LineMeasurer>(model, guessable_));
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
          Report();
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
  void Report() {
    if (!options_.on_progress) return;
    absl::MutexLock lock(&mutex_);
    options_.on_progress(++lines_done_);
  }

  const std::vector<bool> guessable_;
  const EvaluationOptions& options_;
  std::vector<std::unique_ptr<LineMeasurer>> measurers_;  // one a thread
  TextCounts counts_;

  absl::Mutex mutex_;  // held while the caller is told
  int64_t lines_done_ ABSL_GUARDED_BY(mutex_) = 0;
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

double Share(int64_t part, int64_t whole) {
  return whole == 0 ? 0
                    : static_cast<double>(part) / static_cast<double>(whole);
}

LanguageModelFigures FiguresOf(const TextCounts& counts, TokenizerKind kind) {
  LanguageModelFigures figures;
  figures.perplexity = std::exp(counts.negative_log_likelihood /
                                static_cast<double>(counts.tokens));
  figures.tokens = counts.tokens;
  figures.words = counts.words;
  figures.oov_rate = Share(counts.unknown_words, counts.words);
  figures.top1 = Share(counts.top1, counts.words);
  figures.top3 = Share(counts.top3, counts.words);
  figures.keystrokes_saved =
      kind == TokenizerKind::kWords
          ? Share(counts.characters - counts.keystrokes, counts.characters)
          : std::numeric_limits<double>::quiet_NaN();
  return figures;
}

}  // namespace

std::string LanguageModelFigures::ToJson() const {
  return nlohmann::ordered_json{{"task", "language_model"},
                                {"perplexity", perplexity},
                                {"tokens", tokens},
                                {"words", words},
                                {"oov_rate", oov_rate},
                                {"top1", top1},
                                {"top3", top3},
                                {"keystrokes_saved", keystrokes_saved}}
      .dump();
}

absl::StatusOr<LanguageModelFigures> EvaluateLanguageModel(
    const Model& model, const std::string& path,
    const EvaluationOptions& options) {
  if (options.threads < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads: expected at least 1, found ", options.threads));
  }
  Evaluation evaluation(model, options);
  RETURN_IF_ERROR(MeasureFile(path, &evaluation));
  if (evaluation.counts().tokens == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected lines of text, found none"));
  }
  return FiguresOf(evaluation.counts(), model.tokenizer().kind());
}

}  // namespace carousel
