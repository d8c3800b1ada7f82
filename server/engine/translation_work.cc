// SPDX-License-Identifier: Apache-2.0

#include "server/engine/translation_work.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "model/base/status_macros.h"
#include "server/engine/admission.h"

namespace carousel {
namespace {

// What a batch needs (ReadySequence::question).
constexpr int64_t kToRead = 1;
constexpr int64_t kToWrite = 2;

}  // namespace

// A translation is about as long as its text; each token is a row for each
// hypothesis, and has been read. But no text is so long that it finds room in
// an empty queue only.
int64_t TranslationWork::EstimateTokens() const {
  const int64_t length = carousel::EstimateTokens(
      job_.text.size(), std::numeric_limits<int>::max());
  constexpr int64_t kMost = 16384;
  return std::min(kMost, length / TextTranslation::kReadTokensOfRow +
                             length * job_.options.beam_size);
}

absl::Status TranslationWork::Begin(NetworkRegistry*) {
  ASSIGN_OR_RETURN(text_, TextTranslation::Start(
                              *job_.parts, std::move(job_.text), job_.options));
  return absl::OkStatus();
}

// Of the objects that are alive each has an address of its own; and the groups
// of language models, which are few, have small numbers.
ReadySequence TranslationWork::next() const {
  return {.group = reinterpret_cast<intptr_t>(job_.parts->network.get()),
          .question = text_->to_read().empty() ? kToWrite : kToRead,
          .cells = text_->cells(),
          .left = text_->cells_left()};
}

// Sentences are shared out only where each thread gets some.
absl::Status TranslationWork::Run(absl::Span<Work* const> batch, int,
                                  Parts* parts, Look) {
  const bool reads = !text_->to_read().empty();
  std::vector<SentenceTranslation*> sentences;
  for (Work* work : batch) {
    const TextTranslation& text = *static_cast<TranslationWork*>(work)->text_;
    const auto& needed = reads ? text.to_read() : text.to_write();
    sentences.insert(sentences.end(), needed.begin(), needed.end());
  }
  const auto count =
      std::min(sentences.size(), static_cast<size_t>(parts->threads()));
  const auto run = reads ? ReadSentences : WriteSentences;
  RETURN_IF_ERROR(parts->Run(
      static_cast<int>(count), [&](int part, int, PartScratch* scratch) {
        const auto p = static_cast<size_t>(part);
        const size_t begin = sentences.size() * p / count;
        const size_t end = sentences.size() * (p + 1) / count;
        return run(*job_.parts->network,
                   absl::MakeConstSpan(sentences).subspan(begin, end - begin),
                   &scratch->translator);
      }));
  for (Work* work : batch) static_cast<TranslationWork*>(work)->GoOn();
  return absl::OkStatus();
}

void TranslationWork::GoOn() {
  error_ = text_->Advance();
  stopped_ = clock_.Now() >= job_.stop_at;
  if (error_.ok()) Tell();
}

void TranslationWork::Tell() {
  if (!job_.on_text) return;
  const std::string certain = text_->CertainText();
  if (certain.size() == told_) return;
  job_.on_text(absl::string_view(certain).substr(told_));
  told_ = certain.size();
}

int64_t TranslationWork::tokens_fed() const {
  return text_ == nullptr ? 0 : text_->tokens_fed();
}

void TranslationWork::Complete(absl::Status status, const JobReport& report) {
  if (!status.ok()) return std::move(job_.done)(std::move(status), report);
  TranslatedText result = text_->Take();
  if (job_.on_text && result.text.size() > told_) {
    job_.on_text(absl::string_view(result.text).substr(told_));
  }
  text_.reset();  // gives its memory back before anybody hears of it
  std::move(job_.done)(std::move(result), report);
}

}  // namespace carousel
