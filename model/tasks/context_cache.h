// SPDX-License-Identifier: Apache-2.0
//
// Earlier text by the same person - the document, the thread - as a continuous
// cache (Grave, Joulin, Usunier 2017) that completion mixes with the network:
//
//   p(w)       = (1 - lambda) p_network(w) + lambda p_cache(w)
//   p_cache(w) ~ sum_i 1{w = w_{i+1}} exp(theta y . y_i)
//
// y is what the top layer puts out after the text left of the cursor, y_i what
// it put out at a position of the earlier text, w_{i+1} the token that followed
// there. Whoever drives it reads the passages of the text and says what came
// out; where that comes from, a network or a memory, is theirs.

#ifndef CAROUSEL_MODEL_TASKS_CONTEXT_CACHE_H_
#define CAROUSEL_MODEL_TASKS_CONTEXT_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/bundle/manifest.h"
#include "model/tasks/word_scores.h"
#include "model/text/tokenizer.h"

namespace carousel {

// Positions of earlier text that count at most, the last ones.
inline constexpr size_t kMostContextPositions = 1000;

// Tokens that are read from the state of zeros; the first is <eos>. Each is a
// position: behind it stands the next one, behind the last <eos>.
using ContextPassage = std::vector<int32_t>;

// Cuts earlier text as the model reads text: into lines, blank ones left out,
// or (LineContext::kStream) one passage. Of more than kMostContextPositions
// whole lines are left out, the oldest first; a line that alone has more is cut
// as LatestTokens. INVALID_ARGUMENT if it is not valid UTF-8.
absl::StatusOr<std::vector<ContextPassage>> CutContext(
    const Tokenizer& tokenizer, LineContext lines, absl::string_view text);

// y of consecutive positions, in half precision: (count, H).
struct ContextStates {
  size_t count() const { return width == 0 ? 0 : values.size() / width; }

  // Appends y of the next position.
  void Append(absl::Span<const float> y);

  size_t width = 0;  // H
  std::vector<uint16_t> values = {};
};

// Thread-compatible; const once all states are appended. The vocabulary must
// outlive it.
//
//   ContextCache cache(tokenizer.vocabulary(), passages, setting);
//   while (...) cache.Append(states);  // of the passages, in their order
//   scores = cache.Mix(scores, y);
class ContextCache {
 public:
  // REQUIRES: passages have tokens of the vocabulary, and there is one.
  ContextCache(const Vocabulary& vocabulary,
               absl::Span<const ContextPassage> passages,
               const ContextSetting& setting);

  // The states of the next positions. REQUIRES: there are so many.
  void Append(std::shared_ptr<const ContextStates> states);

  // Ranks of the words of the text, and of those that are folded like them;
  // ascending.
  absl::Span<const int> ranks() const { return ranks_; }

  // The scores of p where `scores` are those of the network, ranks() among
  // those wanted. The same bits for the same arguments.
  // REQUIRES (both): all states are appended; y has their width.
  WordScores Mix(const WordScores& scores, absl::Span<const float> y) const;

  // Makes log p of the network's `logits`, one for each rank of `range`.
  // `log_normaliser`: of the whole vocabulary.
  void Mix(RankRange range, double log_normaliser, absl::Span<const float> y,
           absl::Span<float> logits) const;

 private:
  // p_cache of the words of the text, by their places in words_.
  std::vector<double> Probabilities(absl::Span<const float> y) const;

  // log p of a word with this logit and p_cache.
  float LogMixture(double log_network, double cached) const;

  const ContextSetting setting_;
  std::vector<int> ranks_;
  std::vector<int> words_;      // ranks of the words of the text, ascending
  std::vector<size_t> places_;  // by position: of its word in words_
  std::vector<std::shared_ptr<const ContextStates>> states_;
  size_t appended_ = 0;  // positions
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_CONTEXT_CACHE_H_
