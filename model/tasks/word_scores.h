// SPDX-License-Identifier: Apache-2.0
//
// The logits of a range of ranks, boiled down to what ranking words needs: the
// normaliser of their softmax and the logits near the top. Logits come in
// pieces, in any order and from several threads, so that nobody needs memory
// for those of a whole vocabulary.

#ifndef CAROUSEL_MODEL_TASKS_WORD_SCORES_H_
#define CAROUSEL_MODEL_TASKS_WORD_SCORES_H_

#include <limits>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "model/text/vocabulary.h"

namespace carousel {

struct WordScores {
  struct Score {
    int rank = 0;
    float logit = 0;
  };

  // The sum of e^logit over the whole range, as a logarithm.
  double log_normaliser = 0;

  // So many words can be ranked with these scores.
  int words = 0;

  // By rank, in ascending order: every accepted token that could be one of
  // those words, and with it all that are folded alike.
  std::vector<Score> scores = {};

  // Of ranks that were asked for, near the top or not; ascending.
  std::vector<Score> wanted = {};

  // Whether they can rank so many words, and are of all these ranks, which
  // ascend.
  bool Cover(int count, absl::Span<const int> ranks) const;
};

// Gathers the scores of one vector. Not thread-safe: several threads gather
// each their own and merge them.
//
// The probability of a word is that of all its spellings together, so of n
// tokens that are folded alike and whose largest logit is x none is a word with
// more than x + log n: they are kept if that reaches the words-th largest x of
// all groups.
class WordScorer {
 public:
  // `wanted`: ranks whose logits are kept in any case, ascending. Both must
  // outlive it. REQUIRES: words >= 1.
  WordScorer(const Vocabulary& vocabulary, int words,
             absl::Span<const int> wanted = {});

  // Logits of the ranks from `begin` on. `accept` is asked about ranks whose
  // logits are among the largest so far. REQUIRES: finite logits or -infinity;
  // the piece cuts no folded form in two; no rank comes twice.
  void Add(int begin, absl::Span<const float> logits,
           absl::FunctionRef<bool(int rank)> accept);

  // What another has seen.
  void Merge(WordScorer&& other);

  // The same bits for the same pieces, whoever saw them in which order.
  WordScores Take();

 private:
  struct Piece {
    int begin = 0;
    float base = 0;
    float sum = 0;  // of e^(logit - base)
  };

  // Tokens that are folded alike; one or several words.
  struct Group {
    float least = 0;   // logit of an accepted token: of the best word at least
    float most = 0;    // no word of the group has more
    size_t score = 0;  // the first of its tokens in scores_
    int size = 0;
  };

  void KeepWanted(int begin, absl::Span<const float> logits);
  void Keep(RankRange alike, int begin, absl::Span<const float> logits,
            absl::FunctionRef<bool(int rank)> accept);
  double LogNormaliser();
  float Threshold() const;

  const Vocabulary* vocabulary_;
  int words_;
  absl::Span<const int> wanted_;
  std::vector<WordScores::Score> wanted_scores_;
  std::vector<Piece> pieces_;
  std::vector<Group> groups_;              // near the top when they were seen
  std::vector<WordScores::Score> scores_;  // of all their tokens
  std::vector<float> best_;  // a heap with the smallest of the best on top
  float threshold_ = -std::numeric_limits<float>::infinity();
  float slack_;  // what spellings can add to a logit at most
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_WORD_SCORES_H_
