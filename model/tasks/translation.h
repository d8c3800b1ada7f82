// SPDX-License-Identifier: Apache-2.0
//
// Translates: text in, the best texts in the other language out. What serves is
// what is evaluated, and what training measures itself with.

#ifndef CAROUSEL_MODEL_TASKS_TRANSLATION_H_
#define CAROUSEL_MODEL_TASKS_TRANSLATION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/bundle/model.h"
#include "model/decode/beam_search.h"
#include "model/tasks/translation_text.h"

namespace carousel {

struct TranslationOptions {
  int beam_size = 5;  // 1: greedy
  int n_best = 1;     // translations of each text, at most beam_size
  double length_penalty = 1.0;
  double coverage_penalty = 0;  // with attention

  // Longest source, in tokens, at least 1; longer ones are INVALID_ARGUMENT.
  int max_source = 1000;

  // Whether `Translation::alignment` is wanted. It costs a pass over each
  // translation; where words are unknown it is made anyway.
  bool align = false;

  // Asked before every step; true ends the search with the best so far. May be
  // empty.
  std::function<bool()> stop = nullptr;
};

struct Translation {
  std::string text;
  std::vector<int32_t> tokens;  // of the target's vocabulary, without <eos>
  double log_probability = 0;   // of the tokens and the end
  double score = 0;             // what the translations are ranked by
  bool ended = false;           // else cut off, too long or stopped

  // For each token, which of the source's tokens it was made from; -1: none.
  // Empty unless wanted, or without attention.
  std::vector<int> alignment;
};

// One per thread; computes with the calling thread's OpenMP setting. `model`
// must outlive it.
class TextTranslator {
 public:
  // REQUIRES: the parts have a network.
  explicit TextTranslator(const TranslatorParts& model) : model_(model) {}

  // The n best translations of each text, the best first, never none; of an
  // empty text, one empty one. Texts are translated side by side; each comes
  // out as it would alone, but for rounding, and may be twice as long as its
  // source and a little.
  //
  // INVALID_ARGUMENT for text that is not UTF-8 or too long, and for options
  // out of their bounds.
  absl::StatusOr<std::vector<std::vector<Translation>>> Translate(
      absl::Span<const std::string> texts, const TranslationOptions& options);

 private:
  struct Job;

  absl::StatusOr<Job> MakeJob(const std::string& text,
                              const TranslationOptions& options) const;
  BeamOptions SearchOptions(const TranslationOptions& options,
                            size_t source_tokens) const;
  absl::StatusOr<std::vector<std::vector<float>>> AttentionOf(
      const EncodedSource& source, absl::Span<const int32_t> tokens);
  absl::StatusOr<Translation> Finish(const Hypothesis& hypothesis,
                                     const SourceWords& words,
                                     const EncodedSource& source,
                                     const TranslationOptions& options);

  const TranslatorParts& model_;
  Translator::Workspace workspace_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_TRANSLATION_H_
