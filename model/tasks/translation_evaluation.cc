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
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/tasks/bleu.h"
#include "model/tasks/chrf.h"
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
        results_(texts.size()) {}

  absl::StatusOr<std::vector<std::string>> Run() {
    std::vector<std::thread> threads;
    for (int i = 0; i < options_.threads; ++i) {
      threads.emplace_back([this] {
        omp_set_num_threads(1);  // this thread's own setting
        TextTranslator translator(model_);
        while (TranslateBatch(&translator)) {
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    absl::MutexLock lock(&mutex_);
    if (!status_.ok()) return status_;
    return std::move(results_);
  }

 private:
  // False when there is nothing left to do.
  bool TranslateBatch(TextTranslator* translator) {
    const auto batch = static_cast<size_t>(options_.batch);
    // The longest first: no thread is left alone with them in the end.
    const size_t done = next_.fetch_add(batch);
    if (done >= order_.size()) return false;
    const size_t end = order_.size() - done;
    const size_t begin = end > batch ? end - batch : 0;
    std::vector<std::string> texts;
    for (size_t i = begin; i < end; ++i) texts.push_back(texts_[order_[i]]);
    auto found = translator->Translate(texts, options_.translation);
    absl::MutexLock lock(&mutex_);
    if (!status_.ok()) return false;
    if (!found.ok()) {
      status_ = found.status();
      return false;
    }
    for (size_t i = begin; i < end; ++i) {
      results_[order_[i]] = std::move((*found)[i - begin][0].text);
    }
    texts_done_ += static_cast<int64_t>(end - begin);
    if (options_.on_progress && !options_.on_progress(texts_done_)) {
      status_ = absl::CancelledError("the evaluation was ended");
    }
    return status_.ok();
  }

  const TranslatorParts& model_;
  const absl::Span<const std::string> texts_;
  const TranslationEvaluationOptions& options_;
  const std::vector<size_t> order_;
  std::atomic<size_t> next_ = 0;

  absl::Mutex mutex_;  // held while the caller is told
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  int64_t texts_done_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> results_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::vector<ReferencePair>> ReadReferencePairs(
    const std::string& path) {
  ASSIGN_OR_RETURN(const auto reader, LineReader::Open(path));
  std::vector<ReferencePair> pairs;
  absl::flat_hash_map<std::string, size_t> places;
  std::string line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next(&line));
    if (!more) return pairs;
    if (line.empty()) continue;
    std::vector<std::string> parts = absl::StrSplit(line, '\t');
    if (parts.size() != 2) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ":", reader->line_number(),
          ": expected source<TAB>target, found ", parts.size() - 1, " tabs"));
    }
    const auto [place, is_new] = places.try_emplace(parts[0], pairs.size());
    if (is_new) pairs.push_back({.source = parts[0], .references = {}});
    pairs[place->second].references.push_back(std::move(parts[1]));
  }
}

std::string TranslationFigures::ToJson() const {
  return nlohmann::ordered_json{
      {"task", "translator"}, {"bleu", bleu}, {"chrf", chrf}, {"n", n}}
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
  std::vector<std::string> texts;
  for (const ReferencePair& pair : pairs) texts.push_back(pair.source);
  ASSIGN_OR_RETURN(std::vector<std::string> found,
                   TranslateAll(model, texts, options));
  CorpusBleu bleu(options.lowercase);
  CorpusChrf chrf(options.lowercase);
  for (size_t i = 0; i < pairs.size(); ++i) {
    RETURN_IF_ERROR(bleu.Add(found[i], pairs[i].references));
    RETURN_IF_ERROR(chrf.Add(found[i], pairs[i].references));
  }
  if (translations != nullptr) *translations = std::move(found);
  return TranslationFigures{.bleu = bleu.Score().score,
                            .chrf = chrf.Score(),
                            .n = static_cast<int64_t>(pairs.size())};
}

}  // namespace carousel
