// SPDX-License-Identifier: Apache-2.0

#include "server/engine/label_work.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "model/base/buckets.h"
#include "model/base/status_macros.h"
#include "server/engine/admission.h"

namespace carousel {

int64_t LabelWork::EstimateTokens() const {
  return carousel::EstimateTokens(job_.text.size(), job_.longest_text);
}

absl::Status LabelWork::Begin(NetworkRegistry*) {
  ASSIGN_OR_RETURN(
      text_, EncodeWholeText(*job_.tokenizer, job_.longest_text, job_.text));
  answer_.cut = text_.cut;
  return absl::OkStatus();
}

// Of the networks that are alive each has an address of its own; and those of
// language models, which are few, have small numbers.
ReadySequence LabelWork::next() const {
  const int steps = StepsBucket(static_cast<int>(text_.tokens.size()));
  return {.group = reinterpret_cast<intptr_t>(job_.network.get()),
          .question = steps,
          .cells = steps,
          .whole = true};
}

absl::Status LabelWork::Run(absl::Span<Work* const> batch, int, Parts* parts,
                            Look look) {
  std::vector<absl::Span<const int32_t>> texts;
  for (Work* work : batch) {
    LabelWork& label = *static_cast<LabelWork*>(work);
    texts.push_back(label.text_.tokens);
    label.fed_ = static_cast<int64_t>(label.text_.tokens.size());
  }
  ASSIGN_OR_RETURN(std::vector<std::vector<float>> probabilities,
                   LabelProbabilities(*job_.network, texts, look,
                                      &parts->scratch()->classifier));
  for (size_t n = 0; n < batch.size(); ++n) {
    static_cast<LabelWork*>(batch[n])->answer_.probabilities =
        std::move(probabilities[n]);
  }
  return absl::OkStatus();
}

void LabelWork::Complete(absl::Status status, const JobReport& report) {
  if (!status.ok()) return std::move(job_.done)(std::move(status), report);
  std::move(job_.done)(std::move(answer_), report);
}

}  // namespace carousel
