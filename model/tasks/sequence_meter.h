// SPDX-License-Identifier: Apache-2.0
//
// Counts how well a model foresees the tokens of a text: the sums behind
// perplexity and next-word accuracy.

#ifndef CAROUSEL_MODEL_TASKS_SEQUENCE_METER_H_
#define CAROUSEL_MODEL_TASKS_SEQUENCE_METER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/bundle/model.h"
#include "model/tasks/context_cache.h"
#include "model/tasks/word_ranking.h"

namespace carousel {

struct TextCounts {
  double negative_log_likelihood = 0;  // of all tokens, in nats
  int64_t tokens = 0;
  int64_t words = 0;
  int64_t unknown_words = 0;
  int64_t top1 = 0;  // words that were the most probable one,
  int64_t top3 = 0;  // ... among the three most probable
  int64_t keystrokes = 0;
  int64_t characters = 0;

  TextCounts& operator+=(const TextCounts& other);
};

// By id: whether a token is among those that guesses at the next word are made
// from. Where text is cut into words, those that may be offered to a person;
// else every word, in the tokenizer's sense, that is not special.
std::vector<bool> GuessableTokens(const Tokenizer& tokenizer);

// A token that is to be foreseen.
struct Target {
  int32_t token = 0;
  bool is_word = false;
};

// Counts single targets. Immutable, so thread-safe; what it is given must
// outlive it.
class TargetMeter {
 public:
  TargetMeter(const Tokenizer& tokenizer, const std::vector<bool>& guessable)
      : vocabulary_(tokenizer.vocabulary()), guessable_(guessable) {}

  // Adds `target` to `*counts`; returns its log-probability. `logits`: of every
  // rank.
  double Add(const Target& target, absl::Span<const float> logits,
             TextCounts* counts) const;

 private:
  void CountGuesses(int32_t token, const WordRanking& ranking,
                    TextCounts* counts) const;

  const Vocabulary& vocabulary_;
  const std::vector<bool>& guessable_;
};

// Feeds tokens one after the other. The first input is <eos>; every token added
// is a target and then the next input. One per thread; what it is given must
// outlive it.
class SequenceMeter {
 public:
  // `context`: earlier text that the network is mixed with; null: none.
  SequenceMeter(const Model& model, const std::vector<bool>& guessable,
                LanguageModel::Workspace* workspace,
                const ContextCache* context = nullptr);

  absl::Status Add(int32_t token, bool is_word);

  // The counts of the tokens added since the last call.
  absl::StatusOr<TextCounts> TakeCounts();

 private:
  absl::Status MeasurePending();

  const Model& model_;
  const TargetMeter target_meter_;
  LanguageModel::Workspace* const workspace_;
  const ContextCache* const context_;
  RecurrentState state_;
  std::vector<int32_t> inputs_;  // of the pending targets, and the next one
  std::vector<Target> pending_;
  std::vector<float> top_;
  std::vector<float> logits_;
  TextCounts counts_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_SEQUENCE_METER_H_
