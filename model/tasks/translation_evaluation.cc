// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/translation_evaluation.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "model/base/files.h"
#include "model/base/mutex.h"
#include "model/base/status_macros.h"
#include "model/tasks/bleu.h"
#include "model/tasks/chrf.h"
#include "model/tasks/progress_count.h"
#include "model/tasks/translation_text.h"
#include "model/text/normalise.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

// Texts by length, so that those of a batch end together.
std::vector<size_t> ByLength(absl::Span<const std::string> texts) {
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return texts[a].size() < texts[b].size();
  });
  return order;
}

// Translates batches on several threads. Which thread takes a batch does not
// matter: a batch is made of the same texts whatever their number.
class ParallelTranslation {
 public:
  ParallelTranslation(const TranslatorParts& model,
                      absl::Span<const std::string> texts,
                      const TranslationEvaluationOptions& options)
      : model_(model),
        texts_(texts),
        options_(options),
        order_(ByLength(texts)),
        progress_([this](int64_t done) {
          if (!options_.on_progress || IsOver()) return;
          if (options_.on_progress(done)) return;
          End(absl::CancelledError("the evaluation was ended"));
        }),
        results_(texts.size()) {}

  absl::StatusOr<std::vector<std::string>> Run() {
    std::vector<std::thread> threads;
    for (int i = 0; i < options_.threads; ++i) {
      threads.emplace_back([this] {
        omp_set_num_threads(1);  // this thread's own setting
        Translator::Workspace workspace;
        while (TranslateBatch(&workspace)) {
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    MutexLock lock(&mutex_);
    if (!status_.ok()) return status_;
    return std::move(results_);
  }

 private:
  // False when there is nothing left to do.
  bool TranslateBatch(Translator::Workspace* workspace) {
    const auto batch = static_cast<size_t>(options_.batch);
    // The longest first: no thread is left alone with them in the end.
    const size_t done = next_.fetch_add(batch);
    if (done >= order_.size()) return false;
    const size_t end = order_.size() - done;
    const size_t begin = end > batch ? end - batch : 0;
    std::vector<std::string> texts;
    for (size_t i = begin; i < end; ++i) texts.push_back(texts_[order_[i]]);
    auto found = Translate(model_, texts, options_.translation, workspace);
    if (found.ok()) {
      Store(begin, *std::move(found));
      progress_.Add(static_cast<int64_t>(end - begin));
    } else {
      End(found.status());
    }
    return !IsOver();
  }

  // The best translation of each text from `begin` on, in order of length.
  void Store(size_t begin, std::vector<std::vector<Translation>> found) {
    MutexLock lock(&mutex_);
    for (size_t i = 0; i < found.size(); ++i) {
      results_[order_[begin + i]] = std::move(found[i][0].text);
    }
  }

  // The first error is the one that is told.
  void End(const absl::Status& error) {
    MutexLock lock(&mutex_);
    status_.Update(error);
  }

  bool IsOver() {
    MutexLock lock(&mutex_);
    return !status_.ok();
  }

  const TranslatorParts& model_;
  const absl::Span<const std::string> texts_;
  const TranslationEvaluationOptions& options_;
  const std::vector<size_t> order_;
  std::atomic<size_t> next_ = 0;
  ProgressCount progress_;

  Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> results_ ABSL_GUARDED_BY(mutex_);
};

// source, target
absl::StatusOr<std::vector<std::string>> SplitPair(const std::string& line) {
  RETURN_IF_ERROR(ValidateUtf8(line));
  std::vector<std::string> parts = absl::StrSplit(line, '\t');
  const bool has_texts =
      std::none_of(parts.begin(), parts.end(), [](const std::string& part) {
        return absl::StripAsciiWhitespace(part).empty();
      });
  if (parts.size() == 2 && has_texts) return parts;
  return absl::InvalidArgumentError(
      absl::StrCat("expected source<TAB>target, found ", parts.size() - 1,
                   " tabs", parts.size() == 2 ? " and no text" : ""));
}

// Where those are that are not too long.
absl::StatusOr<std::vector<size_t>> FindTranslatable(
    const TranslatorParts& model, absl::Span<const ReferencePair> pairs,
    int max_source) {
  std::vector<size_t> places;
  for (size_t i = 0; i < pairs.size(); ++i) {
    ASSIGN_OR_RETURN(const SourceWords words,
                     ReadSourceWords(model.source_tokenizer, pairs[i].source));
    if (static_cast<int64_t>(words.tokens.size()) <= max_source) {
      places.push_back(i);
    }
  }
  if (!places.empty()) return places;
  return absl::InvalidArgumentError(absl::StrCat("expected texts of at most ",
                                                 max_source, " tokens, found ",
                                                 pairs.size(), " longer ones"));
}

}  // namespace

absl::Status ForEachTextPair(
    const std::string& path,
    absl::FunctionRef<absl::Status(const std::string& source,
                                   const std::string& target)>
        use) {
  ASSIGN_OR_RETURN(const auto reader, LineReader::Open(path));
  std::string line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next(&line));
    if (!more) return absl::OkStatus();
    if (line.find_first_not_of(' ') == line.npos) continue;
    const auto pair = SplitPair(line);
    const absl::Status status =
        pair.ok() ? use((*pair)[0], (*pair)[1]) : pair.status();
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat(path, ":", reader->line_number(), ": ",
                                       status.message()));
    }
  }
}

absl::StatusOr<std::vector<ReferencePair>> ReadReferencePairs(
    const std::string& path) {
  std::vector<ReferencePair> pairs;
  absl::flat_hash_map<std::string, size_t> places;
  RETURN_IF_ERROR(ForEachTextPair(
      path, [&](const std::string& source, const std::string& target) {
        const auto [place, is_new] = places.try_emplace(source, pairs.size());
        if (is_new) pairs.push_back({.source = source, .references = {}});
        pairs[place->second].references.push_back(target);
        return absl::OkStatus();
      }));
  return pairs;
}

std::string TranslationFigures::ToJson() const {
  return nlohmann::ordered_json{{"task", "translator"},
                                {"bleu", bleu},
                                {"chrf", chrf},
                                {"n", n},
                                {"too_long", too_long}}
      .dump();
}

absl::StatusOr<std::vector<std::string>> TranslateAll(
    const TranslatorParts& model, absl::Span<const std::string> texts,
    const TranslationEvaluationOptions& options) {
  if (options.threads < 1 || options.batch < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads and batch: expected at least 1, found ",
                     options.threads, " and ", options.batch));
  }
  return ParallelTranslation(model, texts, options).Run();
}

absl::StatusOr<TranslationFigures> EvaluateTranslator(
    const TranslatorParts& model, absl::Span<const ReferencePair> pairs,
    const TranslationEvaluationOptions& options,
    std::vector<std::string>* translations) {
  if (pairs.empty()) {
    return absl::InvalidArgumentError("expected pairs of texts, found none");
  }
  ASSIGN_OR_RETURN(
      const std::vector<size_t> places,
      FindTranslatable(model, pairs, options.translation.max_source));
  std::vector<std::string> texts;
  for (const size_t place : places) texts.push_back(pairs[place].source);
  ASSIGN_OR_RETURN(std::vector<std::string> found,
                   TranslateAll(model, texts, options));
  CorpusBleu bleu(options.lowercase);
  CorpusChrf chrf(options.lowercase);
  for (size_t i = 0; i < found.size(); ++i) {
    RETURN_IF_ERROR(bleu.Add(found[i], pairs[places[i]].references));
    RETURN_IF_ERROR(chrf.Add(found[i], pairs[places[i]].references));
  }
  if (translations != nullptr) {
    translations->assign(pairs.size(), "");
    for (size_t i = 0; i < found.size(); ++i) {
      (*translations)[places[i]] = std::move(found[i]);
    }
  }
  return TranslationFigures{
      .bleu = bleu.Score().score,
      .chrf = chrf.Score(),
      .n = static_cast<int64_t>(texts.size()),
      .too_long = static_cast<int64_t>(pairs.size() - texts.size())};
}

}  // namespace carousel
