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
namespace {

// English has five bytes a token or so.
constexpr int64_t kBytesOfToken = 5;

}  // namespace

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
      absl::WrapUnique(new TextTranslation(parts, std::move(text), options));
  const auto sentences = static_cast<int64_t>(translation->places_.size());
  if (sentences * options.n_best > kMostTranslations) {
    return absl::InvalidArgumentError(
        absl::StrCat("text: expected at most ", kMostTranslations,
                     " translations of sentences, found ", sentences,
                     " sentences with ", options.n_best, " each"));
  }
  RETURN_IF_ERROR(translation->OpenMore());
  return translation;
}

TextTranslation::TextTranslation(const TranslatorParts& parts, std::string text,
                                 const TranslationOptions& options)
    : parts_(parts),
      text_(std::move(text)),
      options_(options),
      places_(SplitSentences(text_)) {
  std::reverse(places_.begin(), places_.end());
}

// Half of the room is waited for, so that several are read at a time.
absl::Status TextTranslation::OpenMore() {
  const bool half_empty = 2 * OpenTokens() <= kOpenTokens;
  while (half_empty && !places_.empty() && HasRoom()) {
    ASSIGN_OR_RETURN(const bool fits, OpenNext());
    if (!fits) break;
  }
  for (const Open& open : open_) to_write_.push_back(open.translation.get());
  return absl::OkStatus();
}

bool TextTranslation::HasRoom() const {
  return open_.empty() ||
         (static_cast<int>(open_.size()) + 1) * options_.beam_size <= kOpenRows;
}

// False if there is no room for it beside those that are open.
absl::StatusOr<bool> TextTranslation::OpenNext() {
  const ByteRange place = places_.back();
  if (next_ == nullptr) {
    auto started =
        SentenceTranslation::Start(parts_, TextOf(text_, place), options_);
    if (!started.ok()) {  // too long
      RETURN_IF_ERROR(CutNext(started.status()));
      return true;
    }
    next_ = std::make_unique<SentenceTranslation>(*std::move(started));
  }
  const auto tokens = static_cast<int64_t>(next_->source().size());
  if (!open_.empty() && OpenTokens() + tokens > kOpenTokens) return false;
  places_.pop_back();
  sentences_.push_back({.place = place, .translations = {}});
  Open open = {sentences_.size() - 1, std::move(next_)};
  if (open.translation->finished()) {
    RETURN_IF_ERROR(Close(open));
  } else {
    to_read_.push_back(open.translation.get());
    open_.push_back(std::move(open));
  }
  return true;
}

absl::Status TextTranslation::CutNext(absl::Status too_long) {
  const auto halves = Halves(text_, places_.back());
  if (halves.empty()) return too_long;
  places_.pop_back();
  places_.insert(places_.end(), halves.rbegin(), halves.rend());
  return absl::OkStatus();
}

absl::Status TextTranslation::Close(const Open& open) {
  tokens_fed_ += open.translation->tokens_fed();
  RETURN_IF_ERROR(open.translation->error());
  auto& translations = sentences_[open.number].translations;
  translations = open.translation->Best();
  const WordAlignment& alignment = translations.front().alignment;
  weights_ += static_cast<int64_t>(alignment.target.size() *
                                   (alignment.source.size() + 1));
  if (weights_ <= kMostWeights) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("text: its alignments have more than ", kMostWeights,
                   " weights, which is all that an answer may hold"));
}

// After an error nothing is left to be computed, and what was fed is known.
absl::Status TextTranslation::Advance() {
  to_read_.clear();
  to_write_.clear();
  std::stable_partition(open_.begin(), open_.end(), [](const Open& open) {
    return !open.translation->finished();
  });
  while (!open_.empty() && open_.back().translation->finished()) {
    const Open closed = std::move(open_.back());
    open_.pop_back();
    RETURN_IF_ERROR(Close(closed));
  }
  return OpenMore();
}

int64_t TextTranslation::OpenTokens() const {
  int64_t tokens = 0;
  for (const Open& open : open_) {
    tokens += static_cast<int64_t>(open.translation->source().size());
  }
  return tokens;
}

int TextTranslation::cells() const {
  int tokens = 0;
  for (const SentenceTranslation* sentence : to_read_) {
    tokens += static_cast<int>(sentence->source().size());
  }
  if (tokens > 0) return 1 + tokens / kReadTokensOfRow;
  int rows = 0;
  for (const SentenceTranslation* sentence : to_write_) {
    rows += sentence->rows();
  }
  return rows;
}

// A translation is about as long as its source.
int64_t TextTranslation::cells_left() const {
  int64_t cells = 0;
  for (const ByteRange& place : places_) {
    cells += (static_cast<int64_t>(place.size()) / kBytesOfToken + 1) *
             options_.beam_size;
  }
  for (const SentenceTranslation* sentence : to_write_) {
    const auto all =
        static_cast<int64_t>(sentence->source().size()) * options_.beam_size;
    cells += std::max<int64_t>(1, all - sentence->tokens_fed());
  }
  return cells;
}

absl::string_view TextTranslation::SpacingBefore(size_t sentence) const {
  const size_t begin = sentence == 0 ? 0 : sentences_[sentence - 1].place.end;
  const size_t end = sentence == sentences_.size()
                         ? text_.size()
                         : sentences_[sentence].place.begin;
  return TextOf(text_, {begin, end});
}

std::string TextTranslation::CertainText() {
  size_t& i = settled_sentences_;
  for (; i < sentences_.size(); ++i) {
    const auto& translations = sentences_[i].translations;
    if (translations.empty()) break;
    absl::StrAppend(&settled_, SpacingBefore(i), translations.front().text);
  }
  if (i < sentences_.size()) {
    // The first one that is open.
    return absl::StrCat(settled_, SpacingBefore(i),
                        to_write_.front()->CertainText());
  }
  if (!finished() || !places_.empty()) return settled_;
  return absl::StrCat(settled_, SpacingBefore(i));
}

TranslatedText TextTranslation::Take() {
  for (const Open& open : open_) {
    sentences_[open.number].translations = open.translation->Best();
  }
  std::reverse(places_.begin(), places_.end());
  for (const ByteRange& place : places_) {  // never opened
    sentences_.push_back({.place = place, .translations = {Translation()}});
  }
  TranslatedText result;
  for (size_t i = 0; i < sentences_.size(); ++i) {
    absl::StrAppend(&result.text, SpacingBefore(i),
                    sentences_[i].translations.front().text);
  }
  absl::StrAppend(&result.text, SpacingBefore(sentences_.size()));
  result.sentences = std::move(sentences_);
  return result;
}

int64_t TextTranslation::tokens_fed() const {
  int64_t fed = tokens_fed_;
  for (const Open& open : open_) fed += open.translation->tokens_fed();
  return fed;
}

}  // namespace carousel
