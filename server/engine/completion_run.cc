// SPDX-License-Identifier: Apache-2.0

#include "server/engine/completion_run.h"

#include <algorithm>
#include <optional>

#include "absl/types/span.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"

namespace carousel {

absl::Status CheckWanted(const Job& job, absl::Time now) {
  if (now >= job.deadline) {
    return absl::DeadlineExceededError(
        "the deadline passed before the answer was computed");
  }
  if (job.is_cancelled()) return absl::CancelledError("the caller has left");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Suggestion>> RunCompletion(
    const Job& job, absl::FunctionRef<absl::Status()> check,
    LanguageModel::Workspace* workspace, int64_t* tokens_fed) {
  const LanguageModel& network = *job.network;
  ASSIGN_OR_RETURN(Completion completion,
                   Completion::Start(*job.tokenizer, job.text, job.options));
  RecurrentState state = network.InitialState(1);
  size_t fed = 0;
  std::vector<float> logits;
  while (const auto query = completion.Next()) {
    // Later queries extend earlier ones, so the state serves them all.
    CAROUSEL_CHECK(fed <= query->tokens.size());
    while (fed < query->tokens.size()) {
      RETURN_IF_ERROR(check());
      const auto chunk = query->tokens.subspan(fed, kChunkTokens);
      const int steps = static_cast<int>(chunk.size());
      RETURN_IF_ERROR(
          network.Advance(chunk, steps, 1, &state, nullptr, workspace));
      fed += chunk.size();
      *tokens_fed += steps;
    }
    RETURN_IF_ERROR(check());
    const RankRange ranks = query->ranks;
    logits.resize(static_cast<size_t>(ranks.size()));
    if (!ranks.empty()) {
      RETURN_IF_ERROR(network.Logits(network.Top(state), 1, ranks.begin,
                                     ranks.end, absl::MakeSpan(logits),
                                     workspace));
    }
    completion.Answer(logits);
  }
  return completion.Suggestions();
}

}  // namespace carousel
