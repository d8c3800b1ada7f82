// SPDX-License-Identifier: Apache-2.0
//
// What earlier text is worth (context_cache.h): documents are typed line by
// line, each line after what stands before it in its document, and by itself.
// Uses the code that serves.

#ifndef CAROUSEL_MODEL_TASKS_DOCUMENT_EVALUATION_H_
#define CAROUSEL_MODEL_TASKS_DOCUMENT_EVALUATION_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "model/bundle/model.h"
#include "model/tasks/language_model_evaluation.h"

namespace carousel {

struct DocumentFigures {
  LanguageModelFigures alone;         // each line by itself
  LanguageModelFigures with_context;  // ... after its document
  int64_t documents = 0;
  ContextSetting setting;

  // One JSON object: that of `alone`, with "with_context" in it.
  std::string ToJson() const;
};

struct DocumentOptions {
  ContextSetting setting = {};

  // Documents measured at once.
  int threads = 1;

  // Told the number of documents done, as EvaluationOptions::on_progress.
  std::function<void(int64_t documents)> on_progress = nullptr;
};

// Reads `path` (gzip or not): documents, blank lines between them. Figures are
// those of EvaluateLanguageModel.
//
// FAILED_PRECONDITION for a model of a stream (LineContext::kStream), which is
// not measured line by line; else errors as EvaluateLanguageModel, with the
// number of the line or of the document.
absl::StatusOr<DocumentFigures> EvaluateDocuments(
    const Model& model, const std::string& path,
    const DocumentOptions& options);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_DOCUMENT_EVALUATION_H_
