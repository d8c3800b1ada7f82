// SPDX-License-Identifier: Apache-2.0
//
// Beam search: the most probable sequences of tokens under a decoder that is
// known by one function only, from rows (each a sequence's last token and where
// its state lies) to logits. A beam of one is greedy search.

#ifndef CAROUSEL_MODEL_DECODE_BEAM_SEARCH_H_
#define CAROUSEL_MODEL_DECODE_BEAM_SEARCH_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace carousel {

struct BeamOptions {
  // The upper bounds of the fields below.
  static constexpr int kMostBeams = 1024;
  static constexpr int kLongest = 1 << 20;

  int vocabulary = 0;  // V
  int beam_size = 4;
  int n_best = 1;        // sequences returned, at most beam_size
  int max_length = 100;  // tokens of a sequence, its end not counted

  int32_t start = 1;  // fed first, not part of the sequence
  int32_t end = 1;    // ends a sequence, not part of it

  // Tokens that are never chosen, e.g. <unk>. Not `end`.
  std::vector<int32_t> never = {};

  // alpha and beta of Wu et al. 2016, equation 14: an ended sequence Y of a
  // source X is scored
  //   log P(Y|X) / lp(Y) + cp(X; Y),  lp(Y) = ((5 + |Y|) / 6)^alpha,
  //   cp(X; Y) = beta * sum_i log(min(sum_j attention_ij, 1))
  // with |Y| counting the end, i over the source's positions and j over the
  // steps. 0: no normalisation; 0: no penalty.
  double length_penalty = 0.6;
  double coverage_penalty = 0;
};

// INVALID_ARGUMENT, naming the option, if a value is out of bounds.
absl::Status CheckBeamOptions(const BeamOptions& options);

struct Hypothesis {
  std::vector<int32_t> tokens;  // without start and end
  double log_probability = 0;   // of the tokens, and of the end if `ended`
  double score = 0;             // see BeamOptions
  bool ended = false;           // else cut off, at max_length or earlier

  // For each token, by which row of its step it was chosen: what is known of
  // that row, attention for instance, belongs to the token.
  std::vector<int> rows = {};
};

// The search for one text. It calls nobody: whoever drives it feeds `tokens()`
// to the decoder, row i going on from the state of row `parents()[i]` of the
// step before (of the first step: row 0, the start), and hands back the logits.
// Sequences of max_length tokens are fed once more: they may end, but not go
// on. Who stops before done() has the best so far. Thread-compatible.
//
//   BeamSearch search(options);
//   while (!search.done()) {
//     const auto logits = Decode(search.parents(), search.tokens());
//     RETURN_IF_ERROR(search.Answer(logits, {}));
//   }
//   Show(search.Best());
class BeamSearch {
 public:
  // REQUIRES: CheckBeamOptions(options) is OK.
  explicit BeamSearch(BeamOptions options);

  bool done() const { return done_; }

  // The rows wanted next; as many of each, 1 to beam_size. REQUIRES: !done().
  absl::Span<const int> parents() const { return parents_; }
  absl::Span<const int32_t> tokens() const { return tokens_; }

  // `logits` (rows, V); log-probabilities will do. `attention` (rows, S): what
  // each row paid to the source's positions in this step, negative where there
  // is none (pad); may be empty, and is not read without a coverage penalty.
  // INTERNAL if a logit is NaN or no token is possible. REQUIRES: !done(), the
  // sizes.
  absl::Status Answer(absl::Span<const float> logits,
                      absl::Span<const float> attention);

  // The n_best best, the best first; sequences that did not end come after all
  // that did. Never empty.
  std::vector<Hypothesis> Best() const;

  // The beginning that is certain, whatever comes: what those have in common
  // that may still be the best in the end. Without a score.
  Hypothesis Certain() const;

 private:
  // A sequence that goes on.
  struct Live {
    std::vector<int32_t> tokens;
    std::vector<int> rows;  // as in Hypothesis
    double log_probability = 0;
    std::vector<float> coverage;  // (S): attention so far
  };

  // A sequence and a token after it.
  struct Candidate {
    double log_probability = 0;
    int row = 0;
    int32_t token = 0;
  };

  absl::StatusOr<std::vector<Candidate>> PickCandidates(
      absl::Span<const float> logits) const;
  absl::Status AddBestOfRow(int row, absl::Span<const float> logits,
                            std::vector<Candidate>* best) const;
  void AddCoverage(absl::Span<const float> attention);
  void Extend(absl::Span<const Candidate> candidates);
  void EndOrCutOff(absl::Span<const Candidate> candidates);
  Hypothesis Score(const Live& live, double log_probability, bool ended) const;

  const BeamOptions options_;
  const std::vector<bool> never_;  // by token
  std::vector<Live> live_;         // by row
  std::vector<int> parents_;
  std::vector<int32_t> tokens_;
  std::vector<Hypothesis> ended_;
  bool done_ = false;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_DECODE_BEAM_SEARCH_H_
