// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/text_tokens.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "model/base/status_macros.h"
#include "model/tasks/completion.h"
#include "model/tasks/typed_text.h"
#include "model/text/normalise.h"
#include "model/text/sentences.h"

namespace carousel {
namespace {

// `pieces` are of `prepared`, which `prepare` made of `given`; that begins at
// `offset` of the text.
void AddTokens(absl::Span<const TextPiece> pieces, absl::string_view given,
               size_t offset, absl::string_view prepared, PrepareText prepare,
               TextTokens* result) {
  const std::vector<ByteRange> places =
      PlacesOf(pieces, given, prepared, prepare);
  for (size_t i = 0; i < pieces.size(); ++i) {
    result->tokens.push_back(
        {result->tokenizer->IdOf(pieces[i]),
         {offset + places[i].begin, offset + places[i].end}});
  }
}

void AddEndOfLine(size_t at, TextTokens* result) {
  result->tokens.push_back({Vocabulary::kEndOfLine, {at, at}});
}

absl::StatusOr<TextTokens> ReadLineToComplete(const Tokenizer& tokenizer,
                                              absl::string_view text) {
  TextTokens result = {.tokenizer = &tokenizer};
  ASSIGN_OR_RETURN(const Completion completion,
                   Completion::Start(tokenizer, text, {}));
  ASSIGN_OR_RETURN(const TypedText typed, ReadTypedText(tokenizer, text));
  result.partial = std::string(typed.partial());
  const std::optional<Completion::Query> query = completion.Next();
  if (!query.has_value()) return result;
  const size_t newline = text.rfind('\n');
  const size_t begin = newline == text.npos ? 0 : newline + 1;
  // The oldest are left out.
  const std::vector<TextPiece> pieces =
      SplitText(tokenizer.kind(), typed.before());
  const size_t kept = query->tokens.size() - 1;
  result.cut = kept < pieces.size();
  AddEndOfLine(begin, &result);
  AddTokens(
      absl::MakeConstSpan(pieces).last(kept), text.substr(begin), begin,
      typed.line,
      [](absl::string_view part) { return Normalise(part).value(); }, &result);
  return result;
}

absl::StatusOr<TextTokens> ReadTextToLabel(const Tokenizer& tokenizer,
                                           int longest,
                                           absl::string_view text) {
  const TokenizerKind kind = tokenizer.kind();
  ASSIGN_OR_RETURN(const std::string prepared, PrepareWholeText(kind, text));
  const std::vector<TextPiece> pieces = tokenizer.Split(prepared);
  std::vector<int32_t> kept(pieces.size());
  std::iota(kept.begin(), kept.end(), 0);
  TextTokens result = {.tokenizer = &tokenizer};
  result.cut = CutLongText(longest, &kept);
  std::vector<TextPiece> shown;
  for (int32_t i : kept) shown.push_back(pieces[static_cast<size_t>(i)]);
  AddTokens(
      shown, text, 0, prepared,
      [&](absl::string_view part) {
        return PrepareWholeText(kind, part).value();
      },
      &result);
  AddEndOfLine(text.size(), &result);
  return result;
}

// Adds a sentence, or its halves if it is too long. False: enough was added.
bool AddSentence(absl::string_view text, ByteRange place, size_t max_source,
                 TextTokens* result) {
  if (result->tokens.size() > TextTokens::kMostToTranslate) return false;
  const Tokenizer& tokenizer = *result->tokenizer;
  const auto prepare = [&](absl::string_view part) {
    return tokenizer.Prepare(part).value();
  };
  const absl::string_view sentence = TextOf(text, place);
  const std::string prepared = prepare(sentence);
  const std::vector<TextPiece> pieces = tokenizer.Split(prepared);
  if (pieces.size() > max_source) {
    const auto halves = Halves(text, place);
    return std::all_of(halves.begin(), halves.end(), [&](ByteRange half) {
      return AddSentence(text, half, max_source, result);
    });
  }
  if (pieces.empty()) return true;  // is not shown to the network
  AddTokens(pieces, sentence, place.begin, prepared, prepare, result);
  AddEndOfLine(place.end, result);
  return true;
}

absl::StatusOr<TextTokens> ReadTextToTranslate(const Tokenizer& tokenizer,
                                               int max_source,
                                               absl::string_view text) {
  RETURN_IF_ERROR(ValidateUtf8(text));
  TextTokens result = {.tokenizer = &tokenizer};
  for (const ByteRange place : SplitSentences(text)) {
    if (!AddSentence(text, place, static_cast<size_t>(max_source), &result)) {
      break;
    }
  }
  result.cut = result.tokens.size() > TextTokens::kMostToTranslate;
  if (result.cut) result.tokens.resize(TextTokens::kMostToTranslate);
  return result;
}

}  // namespace

std::vector<int32_t> TextTokens::ids() const {
  std::vector<int32_t> result;
  for (const Token& token : tokens) result.push_back(token.id);
  return result;
}

absl::StatusOr<TextTokens> ReadTextTokens(const Model& model,
                                          absl::string_view text,
                                          int max_source) {
  switch (model.task()) {
    case Task::kLanguageModel:
      return ReadLineToComplete(model.tokenizer(), text);
    case Task::kClassifier:
      return ReadTextToLabel(model.tokenizer(),
                             model.manifest().classifier().longest_text, text);
    case Task::kTranslator:
      return ReadTextToTranslate(model.translator().source_tokenizer,
                                 max_source, text);
    case Task::kForecaster:
      break;
  }
  return absl::InvalidArgumentError(absl::StrCat("the model is for the task \"",
                                                 TaskName(model.task()),
                                                 "\", which reads no text"));
}

}  // namespace carousel
