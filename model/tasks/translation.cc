// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/translation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/text/vocabulary.h"
#include "model/text/whole_text.h"

namespace carousel {
namespace {

BeamOptions SearchOptions(const TranslatorParts& parts,
                          const TranslationOptions& options,
                          int source_tokens) {
  BeamOptions search = {.vocabulary = parts.network->sizes().target_vocabulary,
                        .beam_size = options.beam_size,
                        .n_best = options.n_best,
                        .max_length = MostTranslationTokens(source_tokens),
                        .start = Vocabulary::kEndOfLine,
                        .end = Vocabulary::kEndOfLine,
                        .length_penalty = options.length_penalty,
                        .coverage_penalty = options.coverage_penalty};
  // A piece that is not known cannot be shown.
  if (parts.target_tokenizer.kind() == TokenizerKind::kSubword) {
    search.never.push_back(Vocabulary::kUnknown);
  }
  return search;
}

}  // namespace

absl::Status CheckOptions(const TranslationOptions& options) {
  const int most = TranslationOptions::kMostSource;
  if (options.max_source < 1 || options.max_source > most) {
    return absl::InvalidArgumentError(absl::StrCat(
        "max_source: expected 1 to ", most, ", found ", options.max_source));
  }
  return CheckBeamOptions({.vocabulary = 2,
                           .beam_size = options.beam_size,
                           .n_best = options.n_best,
                           .length_penalty = options.length_penalty,
                           .coverage_penalty = options.coverage_penalty});
}

absl::StatusOr<SentenceTranslation> SentenceTranslation::Start(
    const TranslatorParts& parts, absl::string_view text,
    const TranslationOptions& options) {
  ASSIGN_OR_RETURN(SourceWords words,
                   ReadSourceWords(parts.source_tokenizer, text));
  if (words.tokens.size() > static_cast<size_t>(options.max_source)) {
    return absl::InvalidArgumentError(
        absl::StrCat("text: expected at most ", options.max_source,
                     " tokens, found ", words.tokens.size()));
  }
  return SentenceTranslation(parts, text, std::move(words), options);
}

SentenceTranslation::SentenceTranslation(const TranslatorParts& parts,
                                         absl::string_view text,
                                         SourceWords words,
                                         const TranslationOptions& options)
    : parts_(&parts),
      options_(options),
      text_(text),
      words_(std::move(words)),
      source_(words_.tokens),
      search_(SearchOptions(parts, options,
                            static_cast<int>(words_.tokens.size()))) {
  if (!source_.empty()) source_.push_back(Vocabulary::kEndOfLine);
}

// Whether anybody asks where the network looked: also to carry over words.
bool SentenceTranslation::attends() const {
  return parts_->network->decoder().attention() != nullptr &&
         (options_.align || options_.coverage_penalty > 0 ||
          parts_->target_tokenizer.kind() != TokenizerKind::kSubword);
}

// (T, S'): of each token; empty if nobody asked.
std::vector<std::vector<float>> SentenceTranslation::AttentionOf(
    const Hypothesis& hypothesis) const {
  std::vector<std::vector<float>> attention;
  if (attention_.empty()) return attention;
  for (size_t t = 0; t < hypothesis.tokens.size(); ++t) {
    const auto row =
        attention_[t].begin() + static_cast<ptrdiff_t>(hypothesis.rows[t]) *
                                    static_cast<ptrdiff_t>(source_.size());
    attention.emplace_back(row, row + static_cast<ptrdiff_t>(source_.size()));
  }
  return attention;
}

// Of pieces none is carried over.
std::string SentenceTranslation::TextOf(const Hypothesis& hypothesis) const {
  if (parts_->target_tokenizer.kind() == TokenizerKind::kSubword) {
    return TargetText(parts_->target_tokenizer, hypothesis.tokens, words_, {});
  }
  return TargetText(
      parts_->target_tokenizer, hypothesis.tokens, words_,
      AlignTokens(hypothesis.tokens, words_, AttentionOf(hypothesis)));
}

Translation SentenceTranslation::Finish(const Hypothesis& hypothesis) const {
  return {.text = TextOf(hypothesis),
          .tokens = hypothesis.tokens,
          .log_probability = hypothesis.log_probability,
          .score = hypothesis.score,
          .ended = hypothesis.ended || source_.empty(),
          .alignment = {}};
}

std::vector<TokenWord> SentenceTranslation::SourceTokenWords() const {
  const Tokenizer& tokenizer = parts_->source_tokenizer;
  const auto prepare = [&](absl::string_view part) {
    return tokenizer.Prepare(part).value();
  };
  const std::string prepared = prepare(text_);
  return WordsOfTokens(
      text_, PlacesOf(tokenizer.Split(prepared), text_, prepared, prepare));
}

std::vector<TokenWord> SentenceTranslation::TargetTokenWords(
    const Hypothesis& hypothesis) const {
  std::vector<ByteRange> places;
  Hypothesis beginning = hypothesis;
  size_t end = 0;
  for (size_t t = 1; t <= hypothesis.tokens.size(); ++t) {
    beginning.tokens.assign(
        hypothesis.tokens.begin(),
        hypothesis.tokens.begin() + static_cast<ptrdiff_t>(t));
    const size_t begin = end;
    end = TextOf(beginning).size();
    places.push_back({begin, end});
  }
  return WordsOfTokens(TextOf(hypothesis), places);
}

WordAlignment SentenceTranslation::Align(const Hypothesis& hypothesis) const {
  if (attention_.empty()) return {};
  return AlignWords(SourceTokenWords(), TargetTokenWords(hypothesis),
                    AttentionOf(hypothesis));
}

std::vector<Translation> SentenceTranslation::Best() const {
  std::vector<Translation> best;
  for (const Hypothesis& hypothesis : search_.Best()) {
    best.push_back(Finish(hypothesis));
  }
  if (options_.align) best.front().alignment = Align(search_.Best().front());
  return best;
}

std::string SentenceTranslation::CertainText() const {
  return TextOf(search_.Certain());
}

absl::Status ReadSentences(const Translator& network,
                           absl::Span<SentenceTranslation* const> sentences,
                           Translator::Workspace* workspace) {
  std::vector<std::vector<int32_t>> sources;
  for (const SentenceTranslation* sentence : sentences) {
    sources.push_back(sentence->source_);
  }
  ASSIGN_OR_RETURN(std::vector<EncodedSource> encoded,
                   network.Encode(sources, workspace));
  for (size_t i = 0; i < sentences.size(); ++i) {
    SentenceTranslation& sentence = *sentences[i];
    sentence.state_ = encoded[i].state;
    sentence.encoded_ = std::move(encoded[i]);
    sentence.tokens_fed_ += static_cast<int64_t>(sentence.source_.size());
  }
  return absl::OkStatus();
}

// One step of several sentences: their rows lie one after the other.
class SharedStep {
 public:
  SharedStep(const Decoder& decoder,
             absl::Span<SentenceTranslation* const> sentences)
      : decoder_(decoder), sentences_(sentences) {}

  absl::Status Run(Decoder::Workspace* workspace) {
    Gather();
    ASSIGN_OR_RETURN(
        logits_, decoder_.Step(tokens_, memories_, &state_,
                               attends_ ? &alignments_ : nullptr, workspace));
    size_t row = 0;
    for (SentenceTranslation* sentence : sentences_) {
      const auto rows = static_cast<size_t>(sentence->rows());
      HandOut(row, rows, sentence);
      row += rows;
    }
    return absl::OkStatus();
  }

 private:
  // Each row goes on from the row of the sentence's last step that it extends.
  void Gather() {
    std::vector<const RecurrentState*> states;
    std::vector<int> parents;
    for (const SentenceTranslation* sentence : sentences_) {
      attends_ = attends_ || sentence->attends();
      const BeamSearch& search = sentence->search_;
      for (size_t i = 0; i < search.tokens().size(); ++i) {
        states.push_back(&sentence->state_);
        parents.push_back(search.parents()[i]);
        tokens_.push_back(search.tokens()[i]);
        memories_.push_back(&sentence->encoded_->memory);
      }
    }
    state_ = decoder_.JoinRows(states, parents);
  }

  void HandOut(size_t row, size_t rows, SentenceTranslation* sentence) {
    const auto width = logits_.size() / tokens_.size();
    std::vector<int> own(rows);
    for (size_t i = 0; i < rows; ++i) own[i] = static_cast<int>(row + i);
    sentence->state_ = decoder_.SelectRows(state_, own);
    sentence->tokens_fed_ += static_cast<int64_t>(rows);
    std::vector<float> attention;  // (rows, S)
    if (sentence->attends()) {
      for (size_t i = row; i < row + rows; ++i) {
        attention.insert(attention.end(), alignments_[i].begin(),
                         alignments_[i].end());
      }
      sentence->attention_.push_back(attention);
    }
    sentence->error_ = sentence->search_.Answer(
        logits_.subspan(row * width, rows * width), attention);
  }

  const Decoder& decoder_;
  const absl::Span<SentenceTranslation* const> sentences_;
  bool attends_ = false;
  std::vector<int32_t> tokens_;
  std::vector<const AttentionMemory*> memories_;
  RecurrentState state_;
  absl::Span<const float> logits_;  // (rows, V)
  std::vector<std::vector<float>> alignments_;
};

absl::Status WriteSentences(const Translator& network,
                            absl::Span<SentenceTranslation* const> sentences,
                            Translator::Workspace* workspace) {
  return SharedStep(network.decoder(), sentences).Run(&workspace->decoder());
}

absl::StatusOr<std::vector<std::vector<Translation>>> Translate(
    const TranslatorParts& parts, absl::Span<const std::string> texts,
    const TranslationOptions& options, Translator::Workspace* workspace,
    const std::function<bool()>& stop) {
  RETURN_IF_ERROR(CheckOptions(options));
  std::vector<SentenceTranslation> sentences;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(SentenceTranslation sentence,
                     SentenceTranslation::Start(parts, text, options));
    sentences.push_back(std::move(sentence));
  }
  const auto unfinished = [&sentences] {
    std::vector<SentenceTranslation*> left;
    for (SentenceTranslation& sentence : sentences) {
      if (!sentence.finished()) left.push_back(&sentence);
    }
    return left;
  };
  std::vector<SentenceTranslation*> left = unfinished();
  if (!left.empty()) {
    RETURN_IF_ERROR(ReadSentences(*parts.network, left, workspace));
  }
  for (; !left.empty() && !(stop && stop()); left = unfinished()) {
    RETURN_IF_ERROR(WriteSentences(*parts.network, left, workspace));
  }
  std::vector<std::vector<Translation>> results;
  for (const SentenceTranslation& sentence : sentences) {
    RETURN_IF_ERROR(sentence.error());
    results.push_back(sentence.Best());
  }
  return results;
}

}  // namespace carousel
