// SPDX-License-Identifier: Apache-2.0
//
// Measures a language model on text: perplexity, accuracy of the next word, and
// the keystrokes that completion saves. Uses the code that serves.

#ifndef CAROUSEL_MODEL_TASKS_LANGUAGE_MODEL_EVALUATION_H_
#define CAROUSEL_MODEL_TASKS_LANGUAGE_MODEL_EVALUATION_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "model/bundle/model.h"
#include "model/tasks/continuous_cache.h"
#include "model/tasks/sequence_meter.h"

namespace carousel {

struct LanguageModelFigures {
  double perplexity = 0;  // over `tokens`, unknown words counted as <unk>
  int64_t tokens = 0;     // targets: every token and every <eos>
  int64_t words = 0;      // targets that are words
  double oov_rate = 0;    // share of `words` that are <unk>
  double top1 = 0;        // share of `words` guessed first, ignoring case;
  double top3 = 0;        // ... among the first three. Unknown targets miss
  // NaN (null in JSON) if text is not cut into words, since nobody types such
  // text, or if it was not to be measured.
  double keystrokes_saved = 0;

  // With the continuous cache, at the best of the settings that were given.
  struct WithCache {
    double perplexity = 0;
    int size = 0;
    CacheSetting setting;
  };
  std::optional<WithCache> with_cache;

  // Of a text that was counted; `is_typed`: keystrokes too.
  static LanguageModelFigures Of(const TextCounts& counts, bool is_typed);

  // The last line of `carousel-train evaluate`: one JSON object.
  std::string ToJson() const;
};

struct EvaluationOptions {
  // Lines, or stretches of a stream, measured at once.
  int threads = 1;

  // Whether keystrokes_saved is measured, which takes most of the time.
  bool keystrokes = true;

  // Measured besides, for a model with context `stream`.
  CacheOptions cache = {};
  // Makes dot products for one thread, for the cache; may be empty.
  std::function<DotProducts()> make_dot_products = nullptr;

  // Told the number of lines done, now and then and rising, from any of the
  // threads, one call at a time. Lines of a stream of words count twice: once
  // as they are read, once as they are typed. May be empty.
  std::function<void(int64_t lines)> on_progress = nullptr;
};

// Reads `path` as a stream of lines (gzip or not).
//
// keystrokes_saved follows an ideal user who types each line and is shown three
// suggestions before and after every character; the first moment that the
// wanted word (up to white space, less trailing punctuation, case-sensitive) is
// among them it is taken for one keystroke, which gives the word and the space
// after it. Punctuation typed next takes that space back free of charge; there
// is no space after the last word. 1 - keystrokes / characters, over the whole
// file but for lines of more than 16 KiB, which nobody types.
//
// NOT_FOUND, DATA_LOSS or INVALID_ARGUMENT (with line number) if the file
// cannot be read as text; INVALID_ARGUMENT if it holds no line, threads < 1, or
// for cache options out of bounds or of a model with context `line`.
absl::StatusOr<LanguageModelFigures> EvaluateLanguageModel(
    const Model& model, const std::string& path,
    const EvaluationOptions& options);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_LANGUAGE_MODEL_EVALUATION_H_
