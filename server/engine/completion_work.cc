// SPDX-License-Identifier: Apache-2.0

#include "server/engine/completion_work.h"

#include <utility>
#include <vector>

#include "model/base/status_macros.h"
#include "server/engine/admission.h"
#include "server/engine/step_runner.h"

namespace carousel {

// Every further word of every suggestion is a step and an output.
int64_t CompletionWork::EstimateTokens() const {
  const int64_t words =
      int64_t{job_.options.max_suggestions} * (job_.options.max_words - 1);
  return carousel::EstimateTokens(job_.text.size(),
                                  job_.options.max_context_tokens) +
         TokensOfText(job_.context.text.size(), kMostContextPositions) +
         words * (1 + kTokensOfOutput);
}

absl::Status CompletionWork::Begin(NetworkRegistry* networks) {
  const NetworkRegistry::Entry network = networks->Find(job_.network);
  group_ = network.id;
  ASSIGN_OR_RETURN(sequence_, Sequence::Start(&job_, network.states));
  return absl::OkStatus();
}

ReadySequence CompletionWork::next() const {
  return {.group = group_,
          .pending = sequence_->pending(),
          .question = sequence_->question(),
          .shared = true,
          .any_steps = !sequence_->job().network->wants_few_shapes(),
          .left = sequence_->left()};
}

absl::Status CompletionWork::Run(absl::Span<Work* const> batch, int steps,
                                 Parts* parts, Look) {
  std::vector<Sequence*> sequences;
  for (Work* work : batch) {
    sequences.push_back(static_cast<CompletionWork*>(work)->sequence_.get());
  }
  return steps > 0 ? RunSteps(sequences, steps, parts)
                   : RunOutputs(sequences, parts);
}

int64_t CompletionWork::tokens_fed() const {
  return sequence_ == nullptr ? 0 : sequence_->tokens_fed();
}

void CompletionWork::Complete(absl::Status status, const JobReport& report) {
  JobResult result = {.suggestions = std::vector<Suggestion>(),
                      .queue = report.queue,
                      .compute = report.compute,
                      .batch = report.batch};
  if (status.ok()) {
    result.suggestions = sequence_->Suggestions();
  } else {
    result.suggestions = std::move(status);
  }
  auto done =
      std::move(sequence_ == nullptr ? job_.done : sequence_->job().done);
  sequence_.reset();  // gives its state back before anybody hears of it
  std::move(done)(std::move(result));
}

}  // namespace carousel
