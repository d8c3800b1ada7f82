// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/sequence_meter.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "model/base/status_macros.h"
#include "model/decode/logits.h"
#include "model/text/normalise.h"

namespace carousel {
namespace {

// Tokens fed at once; their logits take 2.5 MB at 20,000 words.
constexpr size_t kSteps = 32;

constexpr int kGuesses = 3;

}  // namespace

TextCounts& TextCounts::operator+=(const TextCounts& other) {
  negative_log_likelihood += other.negative_log_likelihood;
  tokens += other.tokens;
  words += other.words;
  unknown_words += other.unknown_words;
  top1 += other.top1;
  top3 += other.top3;
  keystrokes += other.keystrokes;
  characters += other.characters;
  return *this;
}

std::vector<bool> GuessableTokens(const Tokenizer& tokenizer) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  std::vector<bool> guessable(static_cast<size_t>(vocabulary.size()));
  const int specials = static_cast<int>(Vocabulary::SpecialTokens().size());
  for (int32_t id = specials; id < vocabulary.size(); ++id) {
    if (tokenizer.kind() == TokenizerKind::kWords) {
      guessable[id] = vocabulary.may_be_offered(id);
      continue;
    }
    const auto pieces =
        SplitText(TokenizerKind::kWhitespace, vocabulary.token(id));
    guessable[id] = pieces.size() == 1 && pieces.front().is_word;
  }
  return guessable;
}

double TargetMeter::Add(const Target& target, absl::Span<const float> logits,
                        TextCounts* counts) const {
  const float logit =
      logits[static_cast<size_t>(vocabulary_.rank_of(target.token))];
  double log_normaliser = 0;
  if (target.is_word) {
    const WordRanking ranking =
        RankWords(vocabulary_, {0, vocabulary_.size()}, logits, kGuesses,
                  [&](int32_t id) { return guessable_[id]; });
    CountGuesses(target.token, ranking, counts);
    log_normaliser = ranking.log_normaliser;
  } else {
    log_normaliser = LogSumExp(logits);
  }
  ++counts->tokens;
  counts->negative_log_likelihood += log_normaliser - logit;
  return logit - log_normaliser;
}

void TargetMeter::CountGuesses(int32_t token, const WordRanking& ranking,
                               TextCounts* counts) const {
  ++counts->words;
  if (token == Vocabulary::kUnknown) {
    ++counts->unknown_words;
    return;
  }
  const std::string wanted = ToLower(vocabulary_.token(token));
  const auto hit = std::find_if(
      ranking.words.begin(), ranking.words.end(), [&](const RankedWord& word) {
        return ToLower(vocabulary_.token(word.id)) == wanted;
      });
  if (hit == ranking.words.end()) return;
  if (hit == ranking.words.begin()) ++counts->top1;
  ++counts->top3;
}

SequenceMeter::SequenceMeter(const Model& model,
                             const std::vector<bool>& guessable,
                             LanguageModel::Workspace* workspace,
                             const ContextCache* context)
    : model_(model),
      target_meter_(model.tokenizer(), guessable),
      workspace_(workspace),
      context_(context),
      state_(model.network().InitialState(1)),
      inputs_({Vocabulary::kEndOfLine}) {}

absl::Status SequenceMeter::Add(int32_t token, bool is_word) {
  pending_.push_back({token, is_word});
  inputs_.push_back(token);
  return pending_.size() == kSteps ? MeasurePending() : absl::OkStatus();
}

absl::StatusOr<TextCounts> SequenceMeter::TakeCounts() {
  if (!pending_.empty()) RETURN_IF_ERROR(MeasurePending());
  return std::exchange(counts_, {});
}

absl::Status SequenceMeter::MeasurePending() {
  const LanguageModel& network = model_.network();
  const int vocabulary = network.sizes().vocabulary;
  const size_t steps = pending_.size();
  const int rows = static_cast<int>(steps);
  RETURN_IF_ERROR(network.Advance(absl::MakeConstSpan(inputs_).first(steps),
                                  rows,
                                  /*rows=*/1, &state_, &top_, workspace_));
  logits_.resize(steps * static_cast<size_t>(vocabulary));
  RETURN_IF_ERROR(network.Logits(top_, rows, 0, vocabulary,
                                 absl::MakeSpan(logits_), workspace_));
  const size_t width = static_cast<size_t>(vocabulary);
  const size_t top_width = top_.size() / steps;
  for (size_t i = 0; i < steps; ++i) {
    const auto logits = absl::MakeSpan(logits_).subspan(i * width, width);
    if (context_ != nullptr) {
      context_->Mix({0, vocabulary}, LogSumExp(logits),
                    absl::MakeConstSpan(top_).subspan(i * top_width, top_width),
                    logits);
    }
    target_meter_.Add(pending_[i], logits, &counts_);
  }
  pending_.clear();
  inputs_ = {inputs_.back()};
  return absl::OkStatus();
}

}  // namespace carousel
