// SPDX-License-Identifier: Apache-2.0
//
// A text to be translated as work: its sentences are read side by side, then
// written a token of each hypothesis at a time, with those of other texts.

#ifndef CAROUSEL_SERVER_ENGINE_TRANSLATION_WORK_H_
#define CAROUSEL_SERVER_ENGINE_TRANSLATION_WORK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/base/clock.h"
#include "model/tasks/text_translation.h"
#include "server/engine/job.h"
#include "server/engine/work.h"

namespace carousel {

class TranslationWork final : public Work {
 public:
  // `clock` must outlive it.
  TranslationWork(TranslationJob job, const Clock* clock)
      : Work({job.deadline, job.cancelled, job.bulk}),
        job_(std::move(job)),
        clock_(*clock) {}

  int64_t EstimateTokens() const override;
  absl::Status Begin(NetworkRegistry* networks) override;
  bool finished() const override {
    return stopped_ || !error_.ok() || text_->finished();
  }
  absl::Status error() const override { return error_; }

  // Those that are to be read go together, and those that are to be written.
  ReadySequence next() const override;

  absl::Status Run(absl::Span<Work* const> batch, int steps, Parts* parts,
                   Look look) override;
  int64_t tokens_fed() const override;
  void Complete(absl::Status status, const JobReport& report) override;

 private:
  void GoOn();
  void Tell();

  TranslationJob job_;
  const Clock& clock_;
  std::unique_ptr<TextTranslation> text_;
  size_t told_ = 0;       // bytes of the text
  bool stopped_ = false;  // its time is over
  absl::Status error_;    // of this text alone
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_TRANSLATION_WORK_H_
