// SPDX-License-Identifier: Apache-2.0

#include "server/engine/label_work.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "model/base/buckets.h"
#include "model/base/status_macros.h"
#include "model/tasks/classification.h"
#include "server/engine/admission.h"

namespace carousel {

// What a network of two directions explains is read once for each word, some
// readings side by side, where a token costs about a quarter.
int64_t LabelWork::EstimateTokens() const {
  const int64_t length =
      carousel::EstimateTokens(job_.text.size(), job_.longest_text);
  if (!job_.explain.any() || !job_.network->sizes().rnn.bidirectional) {
    return length;
  }
  const auto read =
      std::min<int64_t>(length, LabelExplanationOptions::kMostTokens);
  return std::max(length, read * read / 4);
}

absl::Status LabelWork::Begin(NetworkRegistry*) {
  if (job_.explain.any()) {
    ASSIGN_OR_RETURN(
        explainer_,
        LabelExplainer::Start(*job_.network, *job_.tokenizer, job_.longest_text,
                              job_.text, job_.explain));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(
      text_, EncodeWholeText(*job_.tokenizer, job_.longest_text, job_.text));
  return absl::OkStatus();
}

// Of the objects that are alive each has an address of its own; and the groups
// of language models, which are few, have small numbers.
ReadySequence LabelWork::next() const {
  if (explainer_.has_value()) {
    return {.group = reinterpret_cast<intptr_t>(this),
            .cells = explainer_->next_cells(),
            .whole = true,
            .left = explainer_->cells_left()};
  }
  const int steps = StepsBucket(static_cast<int>(text_.tokens.size()));
  return {.group = reinterpret_cast<intptr_t>(job_.network.get()),
          .question = steps,
          .cells = steps,
          .whole = true};
}

absl::Status LabelWork::Run(absl::Span<Work* const> batch, int, Parts* parts,
                            Look look) {
  if (explainer_.has_value()) return Explain(parts, look);
  std::vector<absl::Span<const int32_t>> texts;
  for (Work* work : batch) {
    LabelWork& label = *static_cast<LabelWork*>(work);
    texts.push_back(label.text_.tokens);
    label.fed_ = static_cast<int64_t>(label.text_.tokens.size());
  }
  ASSIGN_OR_RETURN(const std::vector<std::vector<float>> log_probabilities,
                   LabelLogProbabilities(*job_.network, texts, look,
                                         &parts->scratch()->classifier));
  for (size_t n = 0; n < batch.size(); ++n) {
    LabelWork& label = *static_cast<LabelWork*>(batch[n]);
    label.answer_.classification =
        Classification::FromLogs(log_probabilities[n], label.text_.cut);
  }
  return absl::OkStatus();
}

absl::Status LabelWork::Explain(Parts* parts, Look look) {
  absl::Status status = explainer_->Step(look, &parts->scratch()->classifier);
  fed_ = explainer_->tokens_read();
  if (!status.ok() || !explainer_->finished()) return status;
  answer_.explanation = explainer_->Take();
  answer_.classification = Classification::FromLogs(
      answer_.explanation.log_probabilities, answer_.explanation.cut);
  return absl::OkStatus();
}

void LabelWork::Complete(absl::Status status, const JobReport& report) {
  if (!status.ok()) return std::move(job_.done)(std::move(status), report);
  std::move(job_.done)(std::move(answer_), report);
}

}  // namespace carousel
