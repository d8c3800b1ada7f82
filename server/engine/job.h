// SPDX-License-Identifier: Apache-2.0
//
// What is asked of the engine, and what comes back.

#ifndef CAROUSEL_SERVER_ENGINE_JOB_H_
#define CAROUSEL_SERVER_ENGINE_JOB_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "model/bundle/manifest.h"
#include "model/bundle/model.h"
#include "model/layers/classifier.h"
#include "model/layers/language_model.h"
#include "model/tasks/classification.h"
#include "model/tasks/completion.h"
#include "model/tasks/label_explanation.h"
#include "model/tasks/text_tokens.h"
#include "model/tasks/text_translation.h"

namespace carousel {

// What a job took.
struct JobReport {
  // Waited for a worker, before it was begun and between its batches; nothing
  // if it was refused at the door.
  std::optional<absl::Duration> queue = {};
  absl::Duration compute = {};  // was worked on

  // Most sequences that any of its steps was computed together with, itself
  // included; 0 if it was never worked on.
  int batch = 0;
};

// What became of a completion; the rest as in JobReport.
struct JobResult {
  absl::StatusOr<std::vector<Suggestion>> suggestions;
  std::optional<absl::Duration> queue = {};
  absl::Duration compute = {};
  int batch = 0;
};

// Earlier text by the person who is completed for, and how it is read and
// counted: as the model's manifest says (model/tasks/context_cache.h).
struct EarlierText {
  std::string text = {};  // empty: none
  LineContext lines = LineContext::kLine;
  ContextSetting setting = {};
};

// A completion.
struct Job {
  // The network of the model that answers. Points into the model's handle
  // (std::shared_ptr's aliasing constructor), so that the whole model lives as
  // long as the job.
  std::shared_ptr<const LanguageModel> network;

  // Of the same model.
  const Tokenizer* tokenizer = nullptr;

  // Left of the cursor. A worker cuts it into tokens: that is work too.
  std::string text;

  // Not kept: what is derived from it may stay in the prefix cache.
  EarlierText context = {};

  CompletionOptions options = {};

  // Past it the job is dropped, not computed.
  absl::Time deadline = absl::InfiniteFuture();

  // Set by whoever waits for the answer when it is no longer wanted. Null:
  // never cancelled.
  std::shared_ptr<const std::atomic<bool>> cancelled = {};

  // Called exactly once. Must not block: a worker calls it.
  absl::AnyInvocable<void(JobResult)&&> done = {};
};

// What became of a text to be labelled.
struct LabelAnswer {
  Classification classification;
  LabelExplanation explanation;  // of what was asked for
};

// A text to be labelled. Members of the same names are as in Job.
struct LabelJob {
  std::shared_ptr<const Classifier> network;
  const Tokenizer* tokenizer = nullptr;
  std::string text;

  // Tokens that the model reads at most (of its manifest): a longer text is
  // cut.
  int longest_text = 1;

  // Such a text is read without company, word by word. One that is too long for
  // it is INVALID_ARGUMENT.
  LabelExplanationOptions explain = {};

  absl::Time deadline = absl::InfiniteFuture();
  std::shared_ptr<const std::atomic<bool>> cancelled = {};

  // One of many that somebody sends in: half of the queue is left to others.
  bool bulk = false;

  absl::AnyInvocable<void(absl::StatusOr<LabelAnswer>, const JobReport&)&&>
      done = {};
};

// A text to be translated. Members of the same names are as in LabelJob.
struct TranslationJob {
  // Of the model that answers; points into its handle, as Job::network does.
  std::shared_ptr<const TranslatorParts> parts;

  std::string text;
  TranslationOptions options = {};

  // Told more of the translation as soon as it is certain: all that it was told
  // is the text in the end. May be empty; must not block.
  absl::AnyInvocable<void(absl::string_view more)> on_text = {};

  // The best so far is the answer when this time is over.
  absl::Time stop_at = absl::InfiniteFuture();

  absl::Time deadline = absl::InfiniteFuture();
  std::shared_ptr<const std::atomic<bool>> cancelled = {};
  bool bulk = false;

  absl::AnyInvocable<void(absl::StatusOr<TranslatedText>, const JobReport&)&&>
      done = {};
};

// A history to be continued. Members of the same names are as in Job.
struct ForecastJob {
  // Its task is kForecaster.
  std::shared_ptr<const Model> model;

  // (steps, series), in the units of the data: the last window at least.
  std::vector<float> history;

  // To be forecast. REQUIRES: CheckSteps of model/tasks/forecasting.h.
  int steps = 1;

  absl::Time deadline = absl::InfiniteFuture();
  std::shared_ptr<const std::atomic<bool>> cancelled = {};

  // The forecast (steps, series).
  absl::AnyInvocable<void(absl::StatusOr<std::vector<float>>,
                          const JobReport&)&&>
      done = {};
};

// How a text would be read.
struct ReadAnswer {
  TextTokens text;

  // Of its tokens, the first so many: the state after them is remembered.
  size_t cached = 0;
};

// A text of which only the reading is asked for. Members of the same names are
// as in Job.
struct ReadJob {
  std::shared_ptr<const Model> model = {};
  std::string text = {};
  int max_source = 1000;  // of translators; see TranslationOptions
  absl::Time deadline = absl::InfiniteFuture();
  std::shared_ptr<const std::atomic<bool>> cancelled = {};
  absl::AnyInvocable<void(absl::StatusOr<ReadAnswer>, const JobReport&)&&>
      done = {};
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_JOB_H_
