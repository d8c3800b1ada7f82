// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/completion.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/decode/logits.h"
#include "model/tasks/casing.h"
#include "model/text/normalise.h"

namespace carousel {
namespace {

constexpr int kMaxSuggestions = 100;
constexpr int kMaxWords = 10;

// How much less probable a word that the model writes in lower case becomes
// when a person begins it with a capital inside a sentence: "I met T" wants
// "Tom", not "The".
constexpr float kCapitalisedAnyway = 0.05f;

bool BeginsWithCapital(absl::string_view word) {
  return ToTitle(word) == word && ToLower(word) != word;
}

// `logits` are those of `range`.
void WeighByCapital(const Vocabulary& vocabulary, RankRange range,
                    std::vector<float>* logits) {
  for (int i = 0; i < range.size(); ++i) {
    if (BeginsWithCapital(
            vocabulary.token(vocabulary.id_at(range.begin + i)))) {
      continue;
    }
    (*logits)[i] += std::log(kCapitalisedAnyway);
  }
}

}  // namespace

absl::Status CheckOptions(const CompletionOptions& options) {
  if (options.max_suggestions < 1 ||
      options.max_suggestions > kMaxSuggestions) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_suggestions: expected 1 to ", kMaxSuggestions,
                     ", found ", options.max_suggestions));
  }
  if (options.max_words < 1 || options.max_words > kMaxWords) {
    return absl::InvalidArgumentError(absl::StrCat(
        "max_words: expected 1 to ", kMaxWords, ", found ", options.max_words));
  }
  const double confidence = options.min_confidence.value_or(0);
  if (!(confidence >= 0 && confidence <= 1)) {  // nor NaN
    return absl::InvalidArgumentError(
        absl::StrCat("min_confidence: expected 0 to 1, found ", confidence));
  }
  if (options.max_context_tokens < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_context_tokens: expected at least 1, found ",
                     options.max_context_tokens));
  }
  return absl::OkStatus();
}

absl::StatusOr<Completion> Completion::Start(const Tokenizer& tokenizer,
                                             absl::string_view text,
                                             const CompletionOptions& options,
                                             const ContextCache* context) {
  RETURN_IF_ERROR(CheckOptions(options));
  if (tokenizer.kind() == TokenizerKind::kSubword) {
    // The logits of one step rank pieces; a word may take several.
    return absl::FailedPreconditionError(
        "the model's tokenizer is \"subword\": it cannot complete words");
  }
  ASSIGN_OR_RETURN(TypedText typed, ReadTypedText(tokenizer, text));
  return Completion(tokenizer, std::move(typed), options, context);
}

Completion::Completion(const Tokenizer& tokenizer, TypedText typed,
                       const CompletionOptions& options,
                       const ContextCache* context)
    : tokenizer_(&tokenizer),
      typed_(std::move(typed)),
      options_(options),
      context_cache_(context),
      tokens_(LatestTokens(typed_.context, options.max_context_tokens)),
      context_(tokens_.size()) {
  if (typed_.wish == TypedText::Wish::kNextWord) stage_ = Stage::kNextWord;
  // Words of the context are as probable among all words as the network's.
  if (typed_.wish == TypedText::Wish::kRestOfWord) {
    stage_ = context == nullptr ? Stage::kRestOfWord : Stage::kNormaliser;
  }
}

std::optional<Completion::Query> Completion::Next() const {
  if (stage_ == Stage::kDone) return std::nullopt;
  if (stage_ == Stage::kRestOfWord) return Query{tokens_, typed_.range};
  return Query{tokens_, {0, tokenizer_->vocabulary().size()}, most_ranked()};
}

void Completion::Answer(absl::Span<const float> logits,
                        absl::Span<const float> y) {
  CAROUSEL_CHECK(stage_ != Stage::kDone && "a query is open");
  if (stage_ == Stage::kNormaliser) {
    log_normaliser_ = LogSumExp(logits);
    stage_ = Stage::kRestOfWord;
  } else if (stage_ == Stage::kRestOfWord) {
    AnswerRestOfWord(logits, y);
  } else {
    AnswerAll(RankAll(logits, y));
  }
}

void Completion::Answer(const WordScores& scores, absl::Span<const float> y) {
  CAROUSEL_CHECK(stage_ != Stage::kRestOfWord && stage_ != Stage::kDone);
  if (stage_ == Stage::kNormaliser) {
    log_normaliser_ = scores.log_normaliser;
    stage_ = Stage::kRestOfWord;
    return;
  }
  std::optional<WordScores> mixed;
  if (context_cache_ != nullptr) mixed = context_cache_->Mix(scores, y);
  const Vocabulary& vocabulary = tokenizer_->vocabulary();
  AnswerAll(
      RankWords(vocabulary, mixed.has_value() ? *mixed : scores, most_ranked(),
                [&](int32_t id) { return vocabulary.may_be_offered(id); }));
}

void Completion::AnswerRestOfWord(absl::Span<const float> logits,
                                  absl::Span<const float> y) {
  stage_ = Stage::kDone;
  std::vector<float> mixed(logits.begin(), logits.end());
  if (context_cache_ != nullptr) {
    context_cache_->Mix(typed_.range, log_normaliser_, y,
                        absl::MakeSpan(mixed));
  }
  AddWordsThatBegin(std::move(mixed));
  Rank();
}

WordRanking Completion::RankAll(absl::Span<const float> logits,
                                absl::Span<const float> y) const {
  const Vocabulary& vocabulary = tokenizer_->vocabulary();
  const RankRange all = {0, vocabulary.size()};
  std::vector<float> mixed;
  if (context_cache_ != nullptr) {
    mixed.assign(logits.begin(), logits.end());
    context_cache_->Mix(all, LogSumExp(logits), y, absl::MakeSpan(mixed));
    logits = mixed;
  }
  return RankWords(vocabulary, all, logits, most_ranked(),
                   [&](int32_t id) { return vocabulary.may_be_offered(id); });
}

void Completion::AnswerAll(const WordRanking& ranking) {
  if (stage_ == Stage::kNextOfPhrase) return GoOnWithPhrase(ranking);
  if (std::exchange(stage_, Stage::kDone) == Stage::kNextWord) {
    AddWordsAfter(typed_.needs_space ? " " : "", 1, ranking);
  } else {
    AddWordsAfter(" ", typed_word_probability_, ranking);
  }
  Rank();
}

// Equal ones stay in prefix order, and the rest of a word before a next word.
void Completion::Rank() {
  std::stable_sort(candidates_.begin(), candidates_.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return a.suggestion.probability > b.suggestion.probability;
                   });
  const auto most = static_cast<size_t>(options_.max_suggestions);
  if (candidates_.size() > most) candidates_.resize(most);
  if (stage_ != Stage::kDone && CanStillRank(typed_word_probability_)) return;
  BeginPhrase();
}

// What is not sure enough by itself is no better with more words.
void Completion::DropUncertain() {
  const double least = options_.min_confidence.value_or(0);
  candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(),
                                   [&](const Candidate& candidate) {
                                     return candidate.suggestion.confidence() <
                                            least;
                                   }),
                    candidates_.end());
}

void Completion::BeginPhrase() {
  stage_ = Stage::kDone;
  if (phrase_ == 0) DropUncertain();
  if (options_.max_words == 1 || phrase_ == candidates_.size()) return;
  const Candidate& candidate = candidates_[phrase_];
  tokens_.resize(context_);
  if (candidate.after_typed) tokens_.push_back(typed_id_);
  tokens_.push_back(candidate.id);
  stage_ = Stage::kNextOfPhrase;
}

// A word that is less sure than the threshold ends a phrase, however sure those
// before it are: it would be wrong more often than it helps.
void Completion::GoOnWithPhrase(const WordRanking& ranking) {
  const double least =
      options_.min_confidence.value_or(CompletionOptions::kConfidenceToGoOn);
  Suggestion& phrase = candidates_[phrase_].suggestion;
  bool goes_on =
      !ranking.words.empty() && ranking.words.front().probability >= least;
  if (goes_on) {
    const Suggestion longer = WithWord(phrase, ranking.words.front());
    goes_on = longer.confidence() >= least;
    if (goes_on) phrase = longer;
  }
  if (goes_on && phrase.words < options_.max_words) {
    tokens_.push_back(ranking.words.front().id);
    return;
  }
  ++phrase_;
  BeginPhrase();
}

Suggestion Completion::WithWord(Suggestion phrase,
                                const RankedWord& next) const {
  const std::string before = absl::StrCat(
      phrase.replace > 0 ? typed_.before() : typed_.line, phrase.insert, " ");
  std::string word = SpellNextWord(tokenizer_->vocabulary().token(next.id),
                                   PlaceAfter(before));
  MakeCurlyIfWanted(&word);
  absl::StrAppend(&phrase.word, " ", word);
  absl::StrAppend(&phrase.insert, " ", word);
  phrase.probability *= next.probability;
  ++phrase.words;
  return phrase;
}

std::vector<Suggestion> Completion::Suggestions() const {
  CAROUSEL_CHECK(stage_ == Stage::kDone);
  std::vector<Suggestion> suggestions;
  for (const Candidate& candidate : candidates_) {
    suggestions.push_back(candidate.suggestion);
  }
  return suggestions;
}

void Completion::AddWordsThatBegin(std::vector<float> logits) {
  const Vocabulary& vocabulary = tokenizer_->vocabulary();
  const absl::string_view typed = typed_.partial();
  const std::string lower = ToLower(typed);
  const bool has_accents = Fold(typed) != lower;
  const WordPlace place = PlaceAfter(typed_.before());

  if (BeginsWithCapital(typed) && !place.opens_sentence &&
      place.line != LineCasing::kUpper) {
    WeighByCapital(vocabulary, typed_.range, &logits);
  }
  // One more than asked for: what is typed is a word that is not offered.
  const WordRanking ranking = RankWords(
      vocabulary, typed_.range, logits, most_ranked() + 1, [&](int32_t id) {
        return vocabulary.may_be_offered(id) &&
               (!has_accents ||
                absl::StartsWith(ToLower(vocabulary.token(id)), lower));
      });
  for (const RankedWord& ranked : ranking.words) {
    const std::string word =
        SpellCompletion(vocabulary.token(ranked.id), typed, place);
    if (word == typed) continue;  // the space bar does the same
    const bool continues = absl::StartsWith(word, typed);
    Add({{absl::StrCat(typed_.word_head(), word),
          continues ? word.substr(typed.size()) : word,
          continues ? 0 : typed_.partial_code_points, ranked.probability},
         ranked.id,
         /*after_typed=*/false});
  }
  FindTypedWord(logits, ranking.log_normaliser);
}

void Completion::FindTypedWord(absl::Span<const float> logits,
                               double log_normaliser) {
  const Vocabulary& vocabulary = tokenizer_->vocabulary();
  const absl::string_view typed = typed_.partial();
  const auto pieces = SplitText(tokenizer_->kind(), typed);
  if (pieces.size() != 1) return;
  const std::string lower = ToLower(typed);
  typed_id_ = tokenizer_->IdOf(pieces.front());
  if (ToLower(vocabulary.token(typed_id_)) != lower) return;  // <unk>

  const RankRange equal = vocabulary.EqualRange(Fold(typed));
  for (int rank = equal.begin; rank < equal.end; ++rank) {
    if (ToLower(vocabulary.token(vocabulary.id_at(rank))) != lower) continue;
    typed_word_probability_ +=
        std::exp(logits[rank - typed_.range.begin] - log_normaliser);
  }
  tokens_.push_back(typed_id_);
  stage_ = Stage::kWordAfterThis;
}

void Completion::AddWordsAfter(absl::string_view space, double probability,
                               const WordRanking& ranking) {
  const Vocabulary& vocabulary = tokenizer_->vocabulary();
  const WordPlace place = PlaceAfter(absl::StrCat(typed_.line, space));
  // A word after this one has no letter typed, so no head either.
  const absl::string_view head =
      typed_.partial().empty() ? typed_.word_head() : "";
  for (const RankedWord& ranked : ranking.words) {
    const std::string word = SpellNextWord(vocabulary.token(ranked.id), place);
    Add({{absl::StrCat(head, word), absl::StrCat(space, word), 0,
          probability * ranked.probability},
         ranked.id,
         /*after_typed=*/tokens_.size() > context_});
  }
}

void Completion::MakeCurlyIfWanted(std::string* text) const {
  if (!typed_.curly_apostrophes) return;
  *text = absl::StrReplaceAll(*text, {{"'", "’"}});
}

void Completion::Add(Candidate candidate) {
  Suggestion& suggestion = candidate.suggestion;
  MakeCurlyIfWanted(&suggestion.word);
  MakeCurlyIfWanted(&suggestion.insert);
  for (Candidate& other : candidates_) {
    if (other.suggestion.insert == suggestion.insert &&
        other.suggestion.replace == suggestion.replace) {
      other.suggestion.probability += suggestion.probability;
      return;
    }
  }
  candidates_.push_back(std::move(candidate));
}

bool Completion::CanStillRank(double probability) const {
  return candidates_.size() < static_cast<size_t>(options_.max_suggestions) ||
         probability > candidates_.back().suggestion.probability;
}

}  // namespace carousel
