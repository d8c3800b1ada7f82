// SPDX-License-Identifier: Apache-2.0
//
// How a model reads a text: the tokens that its network is shown, and where
// they stand in the text. For people who ask why it answers as it does.

#ifndef CAROUSEL_MODEL_TASKS_TEXT_TOKENS_H_
#define CAROUSEL_MODEL_TASKS_TEXT_TOKENS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/bundle/model.h"
#include "model/text/whole_text.h"

namespace carousel {

struct TextTokens {
  struct Token {
    int32_t id = 0;
    ByteRange place;  // in the text as it was given; empty for <eos>
  };

  // A translator reads a text of any length; so many are shown.
  static constexpr int kMostToTranslate = 1024;

  std::vector<Token> tokens = {};
  bool cut = false;          // the text has more of them
  std::string partial = "";  // of a language model: see below

  // Whose tokens they are: the vocabulary has their words.
  const Tokenizer* tokenizer = nullptr;

  std::vector<int32_t> ids() const;
};

// The tokens of `text` as `model` reads it.
//
// A language model: what its first query about the text asks for (Completion),
// which begins with <eos>; `partial` is what is typed of the word at the cursor
// and is looked up in the vocabulary. No tokens where nothing is suggested. A
// classifier: as EncodeWholeText. A translator: each of the sentences that
// TextTranslation cuts the text into, one after the other, and <eos> behind
// each; `max_source` as in TranslationOptions.
//
// INVALID_ARGUMENT if `text` is not valid UTF-8 (with the offset), or if the
// model reads no text. FAILED_PRECONDITION as Completion::Start.
absl::StatusOr<TextTokens> ReadTextTokens(const Model& model,
                                          absl::string_view text,
                                          int max_source);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_TEXT_TOKENS_H_
