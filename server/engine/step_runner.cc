// SPDX-License-Identifier: Apache-2.0

#include "server/engine/step_runner.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/base/buckets.h"
#include "model/base/status_macros.h"
#include "server/engine/next_words.h"

namespace carousel {
namespace {

using Batch = absl::Span<Sequence* const>;

std::vector<const StatePool::Row*> RowsOf(Batch sequences) {
  std::vector<const StatePool::Row*> rows;
  for (const Sequence* sequence : sequences) rows.push_back(&sequence->row());
  return rows;
}

// Their states. Where the network wants few shapes they are filled up to one of
// a few numbers of rows; what is computed for the empty ones goes nowhere.
void Gather(Batch sequences, RecurrentState* state) {
  const Sequence& first = *sequences.front();
  const LanguageModel& network = *first.job().network;
  const auto rows = static_cast<int>(sequences.size());
  state->rows = network.wants_few_shapes() ? SmallestBucket(rows) : rows;
  const StackSizes sizes = network.sizes().stack();
  const size_t floats = StateFloats(sizes, state->rows);
  state->h.resize(floats);
  state->c.resize(HasMemory(sizes.cell) ? floats : 0);
  first.states().pool.Gather(RowsOf(sequences), state);
}

// `top` (T, N, H), of which those rows that are read as earlier text are kept.
void KeepContexts(Batch sequences, size_t rows, absl::Span<const float> top) {
  const auto width =
      static_cast<size_t>(sequences.front()->job().network->sizes().hidden);
  for (size_t at = 0; at < top.size(); at += rows * width) {
    for (size_t n = 0; n < sequences.size(); ++n) {
      if (!sequences[n]->reads_context()) continue;
      sequences[n]->KeepContext(top.subspan(at + n * width, width));
    }
  }
}

absl::Status RunStepsOf(Batch sequences, int steps, PartScratch* scratch) {
  RecurrentState& state = scratch->state;
  Gather(sequences, &state);
  const auto rows = static_cast<size_t>(state.rows);
  std::vector<int32_t> tokens(static_cast<size_t>(steps) * rows, 0);
  for (size_t n = 0; n < sequences.size(); ++n) {
    const auto its = sequences[n]->NextTokens(steps);
    for (size_t t = 0; t < its.size(); ++t) tokens[t * rows + n] = its[t];
  }
  const Sequence& first = *sequences.front();
  const bool keeps = std::any_of(
      sequences.begin(), sequences.end(),
      [](const Sequence* sequence) { return sequence->reads_context(); });
  std::vector<float> top;  // y (T, N, H)
  RETURN_IF_ERROR(first.job().network->Advance(tokens, steps, state.rows,
                                               &state, keeps ? &top : nullptr,
                                               &scratch->workspace));
  if (keeps) KeepContexts(sequences, rows, top);
  first.states().pool.Scatter(state, RowsOf(sequences));
  return absl::OkStatus();
}

// y of row n.
absl::Span<const float> RowOf(absl::Span<const float> top, int rows, size_t n) {
  const size_t width = top.size() / static_cast<size_t>(rows);
  return top.subspan(n * width, width);
}

// What is typed of a word leaves few that it can be: the logits of those.
absl::Status RunSomeRanks(Batch sequences, absl::Span<const float> top,
                          int rows, PartScratch* scratch) {
  const LanguageModel& network = *sequences.front()->job().network;
  const RankRange ranks = sequences.front()->ranks();
  const auto width = static_cast<size_t>(ranks.size());
  std::vector<float> logits(static_cast<size_t>(rows) * width);
  RETURN_IF_ERROR(network.Logits(top, rows, ranks.begin, ranks.end,
                                 absl::MakeSpan(logits), &scratch->workspace));
  for (size_t n = 0; n < sequences.size(); ++n) {
    sequences[n]->Answer(absl::MakeConstSpan(logits).subspan(n * width, width),
                         RowOf(top, rows, n));
  }
  return absl::OkStatus();
}

}  // namespace

// Rows are shared out only where each thread gets some.
absl::Status RunSteps(Batch sequences, int steps, Parts* parts) {
  const auto rows = static_cast<int>(sequences.size());
  const int count = std::min(rows, parts->threads());
  RETURN_IF_ERROR(parts->Run(count, [&](int part, int, PartScratch* scratch) {
    const auto begin = static_cast<size_t>(rows * part / count);
    const auto end = static_cast<size_t>(rows * (part + 1) / count);
    return RunStepsOf(sequences.subspan(begin, end - begin), steps, scratch);
  }));
  for (Sequence* sequence : sequences) sequence->Advance(steps);
  return absl::OkStatus();
}

absl::Status RunOutputs(Batch sequences, Parts* parts) {
  PartScratch& own = *parts->scratch();
  Gather(sequences, &own.state);
  const int rows = own.state.rows;
  const Job& job = sequences.front()->job();
  const std::vector<float> top = job.network->Top(own.state);
  if (sequences.front()->words() == 0) {
    return RunSomeRanks(sequences, top, rows, &own);
  }
  std::vector<NextWordsQuestion> questions;
  for (const Sequence* sequence : sequences) {
    questions.push_back({sequence->words(), sequence->wanted()});
  }
  ASSIGN_OR_RETURN(std::vector<WordScores> scores,
                   ScoreNextWords(*job.network, job.tokenizer->vocabulary(),
                                  top, rows, questions, parts));
  for (size_t n = 0; n < sequences.size(); ++n) {
    sequences[n]->Answer(std::move(scores[n]), RowOf(top, rows, n));
  }
  return absl::OkStatus();
}

}  // namespace carousel
