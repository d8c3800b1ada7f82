// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/text_translation.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/text/normalise.h"
#include "model/text/sentences.h"

namespace carousel {

bool TranslatedText::truncated() const {
  return std::any_of(sentences.begin(), sentences.end(),
                     [](const TranslatedSentence& sentence) {
                       return !sentence.translations.front().ended;
                     });
}

absl::StatusOr<std::unique_ptr<TextTranslation>> TextTranslation::Start(
    const TranslatorParts& parts, std::string text,
    const TranslationOptions& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  RETURN_IF_ERROR(ValidateUtf8(text));
  auto translation =
      absl::WrapUnique(new TextTranslation(std::move(text), options));
  for (const ByteRange& place : SplitSentences(translation->text_)) {
    RETURN_IF_ERROR(translation->Add(parts, place));
  }
  translation->Open();
  return translation;
}

// A single character makes few tokens, so that cutting comes to an end; were it
// otherwise, it would be the error that Start gives.
absl::Status TextTranslation::Add(const TranslatorParts& parts,
                                  ByteRange place) {
  const absl::string_view sentence = TextOf(text_, place);
  auto started = SentenceTranslation::Start(parts, sentence, options_);
  if (started.ok()) {
    places_.push_back(place);
    sentences_.push_back(
        std::make_unique<SentenceTranslation>(*std::move(started)));
    return absl::OkStatus();
  }
  const size_t cut = MiddleCut(text_, place);
  if (cut == place.end) return started.status();
  for (const ByteRange half :
       {ByteRange{place.begin, cut}, ByteRange{cut, place.end}}) {
    const ByteRange trimmed = Trim(text_, half);
    if (!trimmed.empty()) RETURN_IF_ERROR(Add(parts, trimmed));
  }
  return absl::OkStatus();
}

// Half of the room is waited for, so that several are read at a time.
void TextTranslation::Open() {
  to_read_.clear();
  const auto room = static_cast<size_t>(
      std::max(1, kOpenRows / std::max(1, options_.beam_size)));
  if (open_.size() > room / 2) return;
  for (; open_.size() < room && next_ < sentences_.size(); ++next_) {
    SentenceTranslation* sentence = sentences_[next_].get();
    if (sentence->finished()) continue;
    open_.push_back(sentence);
    to_read_.push_back(sentence);
  }
}

void TextTranslation::Advance() {
  open_.erase(std::remove_if(open_.begin(), open_.end(),
                             [](const SentenceTranslation* sentence) {
                               return sentence->finished();
                             }),
              open_.end());
  Open();
}

int TextTranslation::cells() const {
  int cells = 0;
  for (const SentenceTranslation* sentence : to_read_) {
    cells += static_cast<int>(sentence->source().size());
  }
  if (cells > 0) return cells;
  for (const SentenceTranslation* sentence : open_) cells += sentence->rows();
  return cells;
}

// A translation is about as long as its source.
int64_t TextTranslation::cells_left() const {
  int64_t tokens = 0;
  for (size_t i = next_; i < sentences_.size(); ++i) {
    tokens += static_cast<int64_t>(sentences_[i]->source().size());
  }
  int64_t cells = tokens * (1 + options_.beam_size);
  for (const SentenceTranslation* sentence : open_) {
    const auto all = static_cast<int64_t>(sentence->source().size()) *
                     (1 + options_.beam_size);
    cells += std::max<int64_t>(1, all - sentence->tokens_fed());
  }
  return cells;
}

absl::string_view TextTranslation::SpacingBefore(size_t sentence) const {
  const size_t begin = sentence == 0 ? 0 : places_[sentence - 1].end;
  const size_t end =
      sentence == places_.size() ? text_.size() : places_[sentence].begin;
  return TextOf(text_, {begin, end});
}

std::string TextTranslation::CertainText() {
  for (size_t& i = settled_sentences_; i < sentences_.size(); ++i) {
    const std::string certain =
        absl::StrCat(SpacingBefore(i), sentences_[i]->CertainText());
    if (!sentences_[i]->finished()) return absl::StrCat(settled_, certain);
    settled_ += certain;
  }
  return absl::StrCat(settled_, SpacingBefore(sentences_.size()));
}

TranslatedText TextTranslation::Take() const {
  TranslatedText result;
  for (size_t i = 0; i < sentences_.size(); ++i) {
    TranslatedSentence& sentence = result.sentences.emplace_back();
    sentence.place = places_[i];
    sentence.translations = sentences_[i]->Best();
    absl::StrAppend(&result.text, SpacingBefore(i),
                    sentence.translations.front().text);
  }
  absl::StrAppend(&result.text, SpacingBefore(sentences_.size()));
  return result;
}

int64_t TextTranslation::tokens_fed() const {
  int64_t fed = 0;
  for (const auto& sentence : sentences_) fed += sentence->tokens_fed();
  return fed;
}

}  // namespace carousel
