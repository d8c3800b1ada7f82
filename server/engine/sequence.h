// SPDX-License-Identifier: Apache-2.0
//
// A completion on its way through the network: what it has read so far, what it
// must read before its next question can be answered, and its state. Earlier
// text comes first, if there is any.

#ifndef CAROUSEL_SERVER_ENGINE_SEQUENCE_H_
#define CAROUSEL_SERVER_ENGINE_SEQUENCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/tasks/completion.h"
#include "model/tasks/context_cache.h"
#include "server/engine/context_reader.h"
#include "server/engine/job.h"
#include "server/engine/prefix_cache.h"
#include "server/engine/state_pool.h"

namespace carousel {

// What the sequences of one network share. Outlives them.
struct NetworkStates {
  NetworkStates(const StackSizes& sizes, size_t cache_bytes,
                const PrefixHashKey& key)
      : pool(sizes), cache(cache_bytes, key) {}

  StatePool pool;
  PrefixCache cache;
};

// Belongs to one thread at a time.
class Sequence {
 public:
  // Cuts the job's texts into tokens and goes on from the longest beginning
  // that is known. INVALID_ARGUMENT, FAILED_PRECONDITION as Completion::Start,
  // INVALID_ARGUMENT about the context as CutContext; `*job` is then untouched,
  // else it is taken.
  static absl::StatusOr<std::unique_ptr<Sequence>> Start(
      Job* job, std::shared_ptr<NetworkStates> states);

  const Job& job() const { return job_; }
  Job& job() { return job_; }

  // Nothing is left to ask: the suggestions stand.
  bool finished() const { return reader_ == nullptr && !query_.has_value(); }

  // Its earlier text is being read: of each token that is fed y is to be kept,
  // before Advance.
  bool reads_context() const { return reader_ != nullptr; }
  void KeepContext(absl::Span<const float> y) { reader_->Keep(y); }

  // Tokens to be fed before the output is due, or the next of the earlier text;
  // 0: it is. REQUIRES: !finished().
  int pending() const;

  // About how many tokens it costs until it is finished, while it reads its
  // earlier text; else 0.
  int64_t left() const;

  // The next `count` of them. REQUIRES: count <= pending().
  absl::Span<const int32_t> NextTokens(int count) const;

  // They were fed: `row()` has the state after them.
  void Advance(int count);

  // The same for those that wait for the same output, or will when they have
  // read what is pending, as far as that is known (ReadySequence).
  int64_t question() const {
    return query_.has_value() ? (int64_t{ranks().begin} << 32) | ranks().end
                              : 0;
  }

  // The output that is due, now or later: of which ranks. REQUIRES: pending()
  // == 0, or question() != 0.
  RankRange ranks() const { return query_->ranks; }

  // The ranks are all there are: of so many words the scores are wanted. Else
  // 0, and the logits of the ranks are. REQUIRES: pending() == 0.
  int words() const { return query_->words; }

  // ... and of these ranks (WordScorer).
  absl::Span<const int> wanted() const {
    return context_ == nullptr ? absl::Span<const int>() : context_->ranks();
  }

  // What the network said of these ranks, and y at the last token; scores are
  // remembered for others. Opens the next question, and answers it if its
  // answer is known.
  void Answer(absl::Span<const float> logits, absl::Span<const float> y);
  void Answer(WordScores scores, absl::Span<const float> y);

  // It will not go on: what it has read is remembered all the same, for the
  // next keystroke begins with it.
  void Abandon();

  // REQUIRES: finished().
  std::vector<Suggestion> Suggestions() const {
    return completion_.Suggestions();
  }

  // REQUIRES: there is something left to ask.
  const StatePool::Row& row() const {
    return reader_ == nullptr ? row_ : reader_->row();
  }
  NetworkStates& states() const { return *states_; }
  int64_t tokens_fed() const { return tokens_fed_; }

 private:
  struct Context {
    std::vector<ContextPassage> passages = {};
    std::unique_ptr<ContextCache> cache = {};  // null: none
  };
  static absl::StatusOr<Context> CutContextOf(const Job& job);

  Sequence(Job job, std::shared_ptr<NetworkStates> states, Context context,
           Completion completion);
  void OpenQuery();
  bool GoesOn(absl::Span<const int32_t> tokens) const;
  void FindState();
  bool AnswerIfKnown();
  std::vector<float> Top() const;
  void Remember();

  Job job_;
  std::shared_ptr<NetworkStates> states_;
  const std::unique_ptr<ContextCache> context_;  // null: none
  std::unique_ptr<ContextReader> reader_;        // until it is complete
  Completion completion_;
  std::optional<Completion::Query> query_;
  std::vector<int32_t> tokens_;  // of the query, of which some are read
  StatePool::Row row_;
  size_t read_ = 0;   // tokens that `row_` is the state after
  size_t known_ = 0;  // ... of which the cache has the state
  int64_t tokens_fed_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_SEQUENCE_H_
