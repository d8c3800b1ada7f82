// SPDX-License-Identifier: Apache-2.0

#include "server/engine/sequence.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "server/engine/admission.h"

namespace carousel {

absl::StatusOr<std::unique_ptr<Sequence>> Sequence::Start(
    Job* job, std::shared_ptr<NetworkStates> states) {
  ASSIGN_OR_RETURN(Context context, CutContextOf(*job));
  ASSIGN_OR_RETURN(Completion completion,
                   Completion::Start(*job->tokenizer, job->text, job->options,
                                     context.cache.get()));
  return absl::WrapUnique(new Sequence(std::move(*job), std::move(states),
                                       std::move(context),
                                       std::move(completion)));
}

absl::StatusOr<Sequence::Context> Sequence::CutContextOf(const Job& job) {
  Context context;
  const EarlierText& earlier = job.context;
  if (earlier.text.empty() || earlier.setting.lambda == 0) return context;
  auto passages = CutContext(*job.tokenizer, earlier.lines, earlier.text);
  if (!passages.ok()) {
    return absl::Status(passages.status().code(),
                        absl::StrCat("context: ", passages.status().message()));
  }
  if (passages->empty()) return context;
  context.passages = *std::move(passages);
  context.cache = std::make_unique<ContextCache>(
      job.tokenizer->vocabulary(), context.passages, earlier.setting);
  return context;
}

// Where nothing is asked nothing is read.
Sequence::Sequence(Job job, std::shared_ptr<NetworkStates> states,
                   Context context, Completion completion)
    : job_(std::move(job)),
      states_(std::move(states)),
      context_(std::move(context.cache)),
      completion_(std::move(completion)) {
  job_.context.text = std::string();
  if (context_ != nullptr && completion_.Next().has_value()) {
    reader_ = std::make_unique<ContextReader>(
        std::move(context.passages),
        static_cast<size_t>(job_.network->sizes().hidden), &states_->pool,
        &states_->cache, context_.get());
    if (!reader_->done()) return;
    reader_ = nullptr;
  }
  OpenQuery();
}

// Past the questions whose answers are known. Without a context those need no
// state.
void Sequence::OpenQuery() {
  while ((query_ = completion_.Next()).has_value()) {
    if (query_->ranks.empty()) {
      completion_.Answer(absl::Span<const float>());
      continue;
    }
    if (context_ == nullptr && AnswerIfKnown()) continue;
    FindState();
    if (context_ == nullptr || pending() > 0 || !AnswerIfKnown()) return;
  }
}

// Where a later query extends the earlier one the state serves both; but more
// may be known of its text.
void Sequence::FindState() {
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

// If it was asked before.
bool Sequence::AnswerIfKnown() {
  if (query_->words == 0) return false;
  const auto scores =
      states_->cache.FindScores(query_->tokens, query_->words, wanted());
  if (scores == nullptr) return false;
  completion_.Answer(*scores, Top());
  return true;
}

// y at the last token read, which only a context asks for.
std::vector<float> Sequence::Top() const {
  if (context_ == nullptr) return {};
  RecurrentState state = job_.network->InitialState(1);
  const StatePool::Row* const rows[] = {&row_};
  states_->pool.Gather(rows, &state);
  return job_.network->Top(state);
}

int Sequence::pending() const {
  if (reader_ != nullptr) return reader_->pending();
  return static_cast<int>(query_->tokens.size() - read_);
}

int64_t Sequence::left() const {
  if (reader_ == nullptr) return 0;
  return reader_->left() +
         EstimateTokens(job_.text.size(), job_.options.max_context_tokens);
}

absl::Span<const int32_t> Sequence::NextTokens(int count) const {
  if (reader_ != nullptr) return reader_->NextTokens(count);
  CAROUSEL_CHECK(count <= pending());
  return query_->tokens.subspan(read_, static_cast<size_t>(count));
}

// Where a question is asked another is likely to be: of the next keystroke.
void Sequence::Advance(int count) {
  tokens_fed_ += count;
  if (reader_ != nullptr) {
    reader_->Advance(count);
    if (!reader_->done()) return;
    reader_ = nullptr;
    return OpenQuery();
  }
  read_ += static_cast<size_t>(count);
  if (pending() == 0) Remember();
}

void Sequence::Remember() {
  if (known_ == read_) return;
  states_->cache.Insert(query_->tokens.first(read_), row_.values());
  known_ = read_;
}

void Sequence::Abandon() {
  if (reader_ != nullptr) return reader_->Abandon();
  if (query_.has_value()) Remember();
}

void Sequence::Answer(absl::Span<const float> logits,
                      absl::Span<const float> y) {
  completion_.Answer(logits, y);
  OpenQuery();
}

void Sequence::Answer(WordScores scores, absl::Span<const float> y) {
  const auto shared = std::make_shared<const WordScores>(std::move(scores));
  states_->cache.InsertScores(query_->tokens, shared);
  completion_.Answer(*shared, y);
  OpenQuery();
}

}  // namespace carousel
