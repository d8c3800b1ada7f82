// SPDX-License-Identifier: Apache-2.0
//
// Translates a text of any number of sentences: cut apart, translated side by
// side, put together again with the spacing that they had.

#ifndef CAROUSEL_MODEL_TASKS_TEXT_TRANSLATION_H_
#define CAROUSEL_MODEL_TASKS_TEXT_TRANSLATION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/tasks/translation.h"
#include "model/text/byte_range.h"

namespace carousel {

struct TranslatedSentence {
  ByteRange place;                        // in the source
  std::vector<Translation> translations;  // the n best, the best first
};

struct TranslatedText {
  std::string text;  // the best of each sentence
  std::vector<TranslatedSentence> sentences;

  // Some sentence was cut off: too long, or not done when it had to end.
  bool truncated() const;
};

// A text on its way. Few sentences are open at a time, the first ones first, so
// that what it holds is bounded and its beginning is soon known. Belongs to one
// thread at a time; `parts` must outlive it.
class TextTranslation {
 public:
  // Most rows of a step, and tokens of open sentences, where that is more than
  // one sentence.
  static constexpr int kOpenRows = 64;
  static constexpr int kOpenTokens = 128;

  // Most translations of all sentences together, and weights of their
  // alignments: what an answer may hold.
  static constexpr int64_t kMostTranslations = 4096;
  static constexpr int64_t kMostWeights = 1 << 19;

  // What reading a token costs, next to a row of a step, which has an output.
  static constexpr int kReadTokensOfRow = 4;

  // Cuts the text into sentences (SplitSentences); one of more than
  // options.max_source tokens is cut further, near its middle (Halves).
  // INVALID_ARGUMENT for text that is not UTF-8 or has too many sentences, and
  // for options out of their bounds.
  static absl::StatusOr<std::unique_ptr<TextTranslation>> Start(
      const TranslatorParts& parts, std::string text,
      const TranslationOptions& options);

  bool finished() const { return to_write_.empty(); }

  // What is due: to read these sentences (ReadSentences) or, if there are none,
  // to write a step of those (WriteSentences). REQUIRES: !finished().
  const std::vector<SentenceTranslation*>& to_read() const { return to_read_; }
  const std::vector<SentenceTranslation*>& to_write() const {
    return to_write_;
  }

  // It was done: closes what is finished, and opens more. INVALID_ARGUMENT for
  // a text whose alignments are too large; the error of a sentence.
  absl::Status Advance();

  // What it costs in rows: of what is due, and of all that is left, about.
  int cells() const;
  int64_t cells_left() const;

  // What the text begins with, whatever comes. It only grows.
  std::string CertainText();

  // With the best so far if it is not finished. The last call but for
  // tokens_fed.
  TranslatedText Take();

  int64_t tokens_fed() const;

 private:
  struct Open {
    size_t number = 0;  // of sentences_
    std::unique_ptr<SentenceTranslation> translation;
  };

  TextTranslation(const TranslatorParts& parts, std::string text,
                  const TranslationOptions& options);

  absl::Status OpenMore();
  absl::StatusOr<bool> OpenNext();
  absl::Status CutNext(absl::Status too_long);
  bool HasRoom() const;
  absl::Status Close(const Open& open);
  int64_t OpenTokens() const;
  absl::string_view SpacingBefore(size_t sentence) const;

  const TranslatorParts& parts_;
  const std::string text_;
  const TranslationOptions options_;
  std::vector<ByteRange> places_;  // to be opened, the next one last
  std::unique_ptr<SentenceTranslation> next_;  // of the next one, if it waits
  std::vector<Open> open_;

  // Those that were opened; without translations as long as they are open.
  std::vector<TranslatedSentence> sentences_;

  std::vector<SentenceTranslation*> to_write_;
  std::vector<SentenceTranslation*> to_read_;
  int64_t tokens_fed_ = 0;  // of sentences that are closed
  int64_t weights_ = 0;     // of their alignments

  // Of CertainText: that of the first sentences, which are closed.
  std::string settled_;
  size_t settled_sentences_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_TEXT_TRANSLATION_H_
