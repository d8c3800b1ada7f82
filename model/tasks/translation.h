// SPDX-License-Identifier: Apache-2.0
//
// Translates a sentence: text in, the best texts in the other language out, by
// beam search, step by step and side by side with others. What serves is what
// is evaluated, and what training measures itself with. Texts of several
// sentences: text_translation.h.

#ifndef CAROUSEL_MODEL_TASKS_TRANSLATION_H_
#define CAROUSEL_MODEL_TASKS_TRANSLATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/bundle/model.h"
#include "model/decode/beam_search.h"
#include "model/tasks/translation_text.h"
#include "model/tasks/word_alignment.h"

namespace carousel {

struct TranslationOptions {
  static constexpr int kMostSource = 1 << 16;

  int beam_size = 5;  // 1: greedy
  int n_best = 1;     // translations of each sentence, at most beam_size
  double length_penalty = 1.0;
  double coverage_penalty = 0;  // with attention

  // Longest source, in tokens, 1 to kMostSource; longer ones are
  // INVALID_ARGUMENT.
  int max_source = 1000;

  // Whether `Translation::alignment` of the best one is wanted.
  bool align = false;
};

// INVALID_ARGUMENT, naming the option, if a value is out of bounds.
absl::Status CheckOptions(const TranslationOptions& options);

// Tokens that a sentence of so many may become.
constexpr int MostTranslationTokens(int source_tokens) {
  return 2 * source_tokens + 20;
}

struct Translation {
  std::string text;
  std::vector<int32_t> tokens;  // of the target's vocabulary, without <eos>
  double log_probability = 0;   // of the tokens and the end
  double score = 0;             // what the translations are ranked by
  bool ended = false;           // else cut off, too long or stopped

  // Empty unless wanted, without attention, and of all but the best.
  WordAlignment alignment;
};

// A sentence on its way: it is read, then written a token of each hypothesis at
// a time. Who stops before it is finished has the best so far. Belongs to one
// thread at a time; `parts` must outlive it.
class SentenceTranslation {
 public:
  // Cuts the sentence into tokens. INVALID_ARGUMENT for text that is not UTF-8
  // or too long. REQUIRES: CheckOptions is OK.
  static absl::StatusOr<SentenceTranslation> Start(
      const TranslatorParts& parts, absl::string_view text,
      const TranslationOptions& options);

  // A sentence without tokens is finished from the start.
  bool finished() const {
    return source_.empty() || search_.done() || !error_.ok();
  }

  // INTERNAL if what the network makes of it is not a number: of this sentence
  // alone, whoever goes with it.
  const absl::Status& error() const { return error_; }

  bool was_read() const { return encoded_.has_value(); }

  // With <eos>; empty if the sentence has no tokens.
  const std::vector<int32_t>& source() const { return source_; }

  // Rows of its next step, 1 to beam_size. REQUIRES: !finished().
  int rows() const { return static_cast<int>(search_.tokens().size()); }

  // Fed to the network so far, both sides.
  int64_t tokens_fed() const { return tokens_fed_; }

  // The n best so far, the best first, never none.
  std::vector<Translation> Best() const;

  // What the best text begins with, whatever comes. It only grows; at the end
  // it is Best().front().text.
  std::string CertainText() const;

 private:
  friend absl::Status ReadSentences(
      const Translator& network,
      absl::Span<SentenceTranslation* const> sentences,
      Translator::Workspace* workspace);
  friend class SharedStep;

  SentenceTranslation(const TranslatorParts& parts, absl::string_view text,
                      SourceWords words, const TranslationOptions& options);

  bool attends() const;
  std::vector<std::vector<float>> AttentionOf(
      const Hypothesis& hypothesis) const;
  std::string TextOf(const Hypothesis& hypothesis) const;
  Translation Finish(const Hypothesis& hypothesis) const;
  std::vector<TokenWord> SourceTokenWords() const;
  std::vector<TokenWord> TargetTokenWords(const Hypothesis& hypothesis) const;
  WordAlignment Align(const Hypothesis& hypothesis) const;

  const TranslatorParts* parts_;
  TranslationOptions options_;
  std::string text_;
  SourceWords words_;
  std::vector<int32_t> source_;
  BeamSearch search_;
  std::optional<EncodedSource> encoded_;
  RecurrentState state_;  // of the rows of the last step
  // Of each step, row and position of the source: (rows, S).
  std::vector<std::vector<float>> attention_;
  int64_t tokens_fed_ = 0;
  absl::Status error_;
};

// Reads the sentences, those of equal lengths together. INTERNAL if oneDNN
// refuses. REQUIRES: all are of `network`, none is finished, none was read.
absl::Status ReadSentences(const Translator& network,
                           absl::Span<SentenceTranslation* const> sentences,
                           Translator::Workspace* workspace);

// A step of all of them, as one batch; each comes out as it would alone, but
// for rounding, or has an error. INTERNAL if oneDNN refuses. REQUIRES: all are
// of `network` and were read, none is finished.
absl::Status WriteSentences(const Translator& network,
                            absl::Span<SentenceTranslation* const> sentences,
                            Translator::Workspace* workspace);

// The n best translations of each text, which is one sentence; of one without
// tokens, an empty one.
// `stop`, unless empty, is asked before every step; true ends it with the best
// so far. Computes with the calling thread's OpenMP setting.
//
// INVALID_ARGUMENT for text that is not UTF-8 or too long, and for options out
// of their bounds; the first error of a sentence.
absl::StatusOr<std::vector<std::vector<Translation>>> Translate(
    const TranslatorParts& parts, absl::Span<const std::string> texts,
    const TranslationOptions& options, Translator::Workspace* workspace,
    const std::function<bool()>& stop = nullptr);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_TRANSLATION_H_
