// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/line_measurer.h"

#include "model/base/status_macros.h"
#include "model/tasks/completion.h"
#include "model/tasks/keystrokes.h"

namespace carousel {
namespace {

constexpr int kSuggestionsShown = 3;

absl::StatusOr<std::vector<Suggestion>> Complete(const Tokenizer& tokenizer,
                                                 absl::string_view text,
                                                 const ContextCache* context,
                                                 SequenceCache* cache) {
  ASSIGN_OR_RETURN(
      Completion completion,
      Completion::Start(tokenizer, text, {.max_suggestions = kSuggestionsShown},
                        context));
  while (const auto query = completion.Next()) {
    ASSIGN_OR_RETURN(const std::vector<float> top,
                     cache->TopAfter(query->tokens));
    ASSIGN_OR_RETURN(const absl::Span<const float> logits,
                     cache->LogitsAfter(query->tokens));
    completion.Answer(logits.subspan(static_cast<size_t>(query->ranks.begin),
                                     static_cast<size_t>(query->ranks.size())),
                      top);
  }
  return completion.Suggestions();
}

}  // namespace

LineMeasurer::LineMeasurer(const Model& model,
                           const std::vector<bool>& guessable, bool keystrokes)
    : model_(model),
      guessable_(guessable),
      keystrokes_(keystrokes),
      cache_(model.network(), &workspace_) {}

absl::StatusOr<TextCounts> LineMeasurer::Measure(const std::string& line,
                                                 const ContextCache* context) {
  const Tokenizer& tokenizer = model_.tokenizer();
  const bool is_stream =
      model_.manifest().language_model().context == LineContext::kStream;
  const bool is_typed =
      keystrokes_ && tokenizer.kind() == TokenizerKind::kWords;
  ASSIGN_OR_RETURN(const std::string text, tokenizer.Prepare(line));
  const std::vector<TextPiece> pieces = tokenizer.Split(text);
  if (pieces.empty()) return TextCounts();

  TextCounts counts;
  std::vector<int32_t> tokens = {Vocabulary::kEndOfLine};
  for (const TextPiece& piece : pieces) tokens.push_back(tokenizer.IdOf(piece));
  if (!is_stream) {
    SequenceMeter meter(model_, guessable_, &workspace_, context);
    for (size_t i = 0; i < pieces.size(); ++i) {
      RETURN_IF_ERROR(meter.Add(tokens[i + 1], pieces[i].is_word));
    }
    RETURN_IF_ERROR(meter.Add(Vocabulary::kEndOfLine, /*is_word=*/false));
    ASSIGN_OR_RETURN(counts, meter.TakeCounts());
  }
  if (is_typed && text.size() <= kLongestTypedLine) {
    RETURN_IF_ERROR(MeasureTyping(text, tokens, context, &counts));
  }
  return counts;
}

absl::Status LineMeasurer::MeasureTyping(absl::string_view line,
                                         absl::Span<const int32_t> tokens,
                                         const ContextCache* context,
                                         TextCounts* counts) {
  RETURN_IF_ERROR(cache_.Reset(tokens));
  const auto suggest = [&](absl::string_view text) {
    return Complete(model_.tokenizer(), text, context, &cache_);
  };
  ASSIGN_OR_RETURN(const KeystrokeCount count, CountKeystrokes(line, suggest));
  counts->keystrokes = count.keystrokes;
  counts->characters = count.characters;
  return absl::OkStatus();
}

}  // namespace carousel
