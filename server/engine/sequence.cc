// SPDX-License-Identifier: Apache-2.0

#include "server/engine/sequence.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"

namespace carousel {

absl::StatusOr<std::unique_ptr<Sequence>> Sequence::Start(
    Job* job, std::shared_ptr<NetworkStates> states) {
  ASSIGN_OR_RETURN(Completion completion,
                   Completion::Start(*job->tokenizer, job->text, job->options));
  return absl::WrapUnique(
      new Sequence(std::move(*job), std::move(states), std::move(completion)));
}

Sequence::Sequence(Job job, std::shared_ptr<NetworkStates> states,
                   Completion completion)
    : job_(std::move(job)),
      states_(std::move(states)),
      completion_(std::move(completion)) {
  OpenQuery();
}

// Where a later query extends the earlier one the state serves both; but more
// may be known of its text. What is known of all needs no state.
void Sequence::OpenQuery() {
  OpenKnownQueries();
  if (!query_.has_value()) return;
  if (!GoesOn(query_->tokens)) {
    row_ = StatePool::Row();
    read_ = known_ = 0;
  }
  tokens_.assign(query_->tokens.begin(), query_->tokens.end());
  if (row_.empty()) row_ = states_->pool.Take();
  if (read_ == query_->tokens.size()) return;
  const size_t known =
      states_->cache.Find(query_->tokens, read_, row_.values());
  if (known > 0) read_ = known_ = known;
}

// Whether they begin with what has been read.
bool Sequence::GoesOn(absl::Span<const int32_t> tokens) const {
  return read_ <= tokens.size() &&
         std::equal(tokens.begin(), tokens.begin() + read_, tokens_.begin());
}

// Past those whose answers are known: about no rank at all, or asked before.
void Sequence::OpenKnownQueries() {
  while ((query_ = completion_.Next()).has_value()) {
    if (query_->words > 0) {
      const auto scores =
          states_->cache.FindScores(query_->tokens, query_->words);
      if (scores == nullptr) return;
      completion_.Answer(*scores);
    } else if (query_->ranks.empty()) {
      completion_.Answer(absl::Span<const float>());
    } else {
      return;
    }
  }
}

int Sequence::pending() const {
  return static_cast<int>(query_->tokens.size() - read_);
}

absl::Span<const int32_t> Sequence::NextTokens(int count) const {
  CAROUSEL_CHECK(count <= pending());
  return query_->tokens.subspan(read_, static_cast<size_t>(count));
}

// Where a question is asked another is likely to be: of the next keystroke.
void Sequence::Advance(int count) {
  read_ += static_cast<size_t>(count);
  tokens_fed_ += count;
  if (pending() == 0) Remember();
}

void Sequence::Remember() {
  if (known_ == read_) return;
  states_->cache.Insert(query_->tokens.first(read_), row_.values());
  known_ = read_;
}

void Sequence::Abandon() {
  if (query_.has_value()) Remember();
}

void Sequence::Answer(absl::Span<const float> logits) {
  completion_.Answer(logits);
  OpenQuery();
}

void Sequence::Answer(WordScores scores) {
  const auto shared = std::make_shared<const WordScores>(std::move(scores));
  states_->cache.InsertScores(query_->tokens, shared);
  completion_.Answer(*shared);
  OpenQuery();
}

}  // namespace carousel
