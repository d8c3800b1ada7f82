// SPDX-License-Identifier: Apache-2.0
//
// Measures a translator on pairs of texts: BLEU and chrF, as sacreBLEU counts
// them. Uses the code that serves.

#ifndef CAROUSEL_MODEL_TASKS_TRANSLATION_EVALUATION_H_
#define CAROUSEL_MODEL_TASKS_TRANSLATION_EVALUATION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/tasks/translation.h"

namespace carousel {

// A text and what it may be translated to.
struct ReferencePair {
  std::string source;
  std::vector<std::string> references;
};

// Calls `use` for each "source<TAB>target" line of `path` (gzip or not), in
// order. Blank lines are skipped. NOT_FOUND, DATA_LOSS, or INVALID_ARGUMENT for
// a line that has not exactly one tab and text on both sides of it, or is not
// UTF-8; that and errors of `use` have "path:line" in front.
absl::Status ForEachTextPair(
    const std::string& path,
    absl::FunctionRef<absl::Status(const std::string& source,
                                   const std::string& target)>
        use);

// The pairs of a file; equal sources are one with several references, in the
// order in which they come first. Errors as ForEachTextPair.
absl::StatusOr<std::vector<ReferencePair>> ReadReferencePairs(
    const std::string& path);

struct TranslationFigures {
  double bleu = 0;       // 0 to 100
  double chrf = 0;       // 0 to 100
  int64_t n = 0;         // different sources that were translated
  int64_t too_long = 0;  // left out: sources of more than max_source tokens

  // The last line of `carousel-train evaluate`: one JSON object.
  std::string ToJson() const;
};

struct TranslationEvaluationOptions {
  TranslationOptions translation = {};
  bool lowercase = false;

  // Batches of so many texts of similar lengths are translated at once, each on
  // a thread of its own.
  int batch = 32;
  int threads = 1;

  // Told the number of texts done, now and then and rising, from any of the
  // threads, one call at a time; false ends the evaluation with CANCELLED. May
  // be empty.
  std::function<bool(int64_t texts)> on_progress = nullptr;
};

// The best translation of each text, in order. INVALID_ARGUMENT if one cannot
// be translated.
absl::StatusOr<std::vector<std::string>> TranslateAll(
    const TranslatorParts& model, absl::Span<const std::string> texts,
    const TranslationEvaluationOptions& options);

// Texts that are too long are left out, and counted. `translations`, unless
// null, receives the best translation of each text, in order; "" for one that
// was left out. INVALID_ARGUMENT if no pair is left.
absl::StatusOr<TranslationFigures> EvaluateTranslator(
    const TranslatorParts& model, absl::Span<const ReferencePair> pairs,
    const TranslationEvaluationOptions& options,
    std::vector<std::string>* translations = nullptr);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_TRANSLATION_EVALUATION_H_
