// SPDX-License-Identifier: Apache-2.0
//
// Completes what a person types: text left of the cursor in, suggestions out.
//
// After white space the suggestions are next words; inside a word they are the
// words that begin with what is typed of it. When the letters typed may already
// be the whole word ("I would like to|"), the words after it compete too, with
// the space in front of them.
//
// Earlier text by the same person makes its words more probable, where it is
// given (context_cache.h).
//
// Completion is a state machine without a network: it says what it must know
// (Query) and is told (Answer). Whoever drives it - evaluation one text at a
// time, the server many at once - decides where states come from.

#ifndef CAROUSEL_MODEL_TASKS_COMPLETION_H_
#define CAROUSEL_MODEL_TASKS_COMPLETION_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/tasks/context_cache.h"
#include "model/tasks/typed_text.h"
#include "model/tasks/word_ranking.h"
#include "model/text/tokenizer.h"

namespace carousel {

struct CompletionOptions {
  // How many suggestions at most; 1 to 100.
  int max_suggestions = 3;

  // How many tokens before the cursor the network is shown at most; the oldest
  // are left out. At least 1.
  int max_context_tokens = 512;

  // How many words a suggestion has at most; 1 to 10. Each goes on by the most
  // probable next word while that, and its confidence with it, are large
  // enough.
  int max_words = 1;

  // In [0, 1]. The smallest confidence of a suggestion and probability of a
  // word to go on with; what is less confident is not offered. None:
  // kConfidenceToGoOn to go on, and all are offered.
  std::optional<double> min_confidence = std::nullopt;

  static constexpr double kConfidenceToGoOn = 0.5;
};

// INVALID_ARGUMENT, saying what is allowed, if an option is out of its bounds.
absl::Status CheckOptions(const CompletionOptions& options);

struct Suggestion {
  // The whole word, as it will stand in the text.
  std::string word;

  // What to put at the cursor, after deleting `replace` code points left of it
  // (more than 0 only where what was typed is spelt otherwise: "ger" ->
  // "German"). Begins with a space if it opens a word after a finished one.
  std::string insert;
  int replace = 0;

  // P(word | text, what is typed of it), case variants added up; of several
  // words the product.
  double probability = 0;

  int words = 1;

  // The probability, normalised by the length: the geometric mean of those of
  // the words.
  double confidence() const { return std::pow(probability, 1.0 / words); }
};

// One request. Thread-compatible. The tokenizer must outlive it.
//
//   ASSIGN_OR_RETURN(auto completion, Completion::Start(tokenizer, text, {}));
//   while (auto query = completion.Next()) {
//     completion.Answer(LogitsAfter(query->tokens, query->ranks));
//   }
//   return completion.Suggestions();
class Completion {
 public:
  // What the network must say: the logits of `ranks` after `tokens`, from the
  // state of zeros. `tokens` begins with <eos>, which starts every line; the
  // tokens of a later query begin with those of the one before, but where
  // another suggestion is continued (max_words).
  struct Query {
    absl::Span<const int32_t> tokens;
    RankRange ranks;

    // The ranks are all there are: scores of so many words that may be offered
    // (Vocabulary) answer it as well as the logits. Else 0.
    int words = 0;
  };

  // INVALID_ARGUMENT: `text` is not valid UTF-8 (with the offset), or an option
  // is out of its bounds. FAILED_PRECONDITION: the tokenizer cuts words into
  // pieces (kSubword). Empty text is a text: the start of a line.
  //
  // `context`: earlier text, or null; outlives the completion, and is complete
  // when the first query is answered.
  static absl::StatusOr<Completion> Start(
      const Tokenizer& tokenizer, absl::string_view text,
      const CompletionOptions& options, const ContextCache* context = nullptr);

  // The open query, or nothing when the suggestions stand. The span is valid
  // until the next call of Answer.
  std::optional<Query> Next() const;

  // `logits`: one for each rank of the open query; `y`: what the top layer puts
  // out after its tokens, where there is a context.
  // REQUIRES: a query is open; logits.size() == query.ranks.size().
  void Answer(absl::Span<const float> logits, absl::Span<const float> y = {});

  // The same. REQUIRES: the open query's `words` is positive, and not more than
  // those of the scores, which are of the context's ranks too.
  void Answer(const WordScores& scores, absl::Span<const float> y = {});

  // Those first whose first word is more probable; empty where nothing fits.
  // REQUIRES: no query is open.
  std::vector<Suggestion> Suggestions() const;

 private:
  enum class Stage {
    kNextWord,       // every token, nothing typed
    kNormaliser,     // every token: what the ranks of the next one are part of
    kRestOfWord,     // the words that begin with what is typed
    kWordAfterThis,  // every token, after what is typed as a whole word
    kNextOfPhrase,   // every token, after the words of a suggestion
    kDone,
  };

  // A suggestion, and what must be read to go on with it.
  struct Candidate {
    Suggestion suggestion;
    int32_t id = 0;            // of its word
    bool after_typed = false;  // which comes after what is typed
  };

  Completion(const Tokenizer& tokenizer, TypedText typed,
             const CompletionOptions& options, const ContextCache* context);
  int most_ranked() const { return options_.max_suggestions; }
  void AddWordsThatBegin(std::vector<float> logits);
  void AddWordsAfter(absl::string_view space, double probability,
                     const WordRanking& ranking);
  void AnswerRestOfWord(absl::Span<const float> logits,
                        absl::Span<const float> y);
  WordRanking RankAll(absl::Span<const float> logits,
                      absl::Span<const float> y) const;
  void AnswerAll(const WordRanking& ranking);
  void Rank();
  void Add(Candidate candidate);
  void MakeCurlyIfWanted(std::string* text) const;

  // Phrases: the suggestions one after the other, each word by word.
  void BeginPhrase();
  void GoOnWithPhrase(const WordRanking& ranking);
  Suggestion WithWord(Suggestion phrase, const RankedWord& next) const;
  void DropUncertain();

  // Opens the query for the words after what is typed, if that is a word.
  void FindTypedWord(absl::Span<const float> logits, double log_normaliser);

  // Whether a suggestion of at most this probability can be among the best.
  bool CanStillRank(double probability) const;

  const Tokenizer* tokenizer_;
  TypedText typed_;
  CompletionOptions options_;
  const ContextCache* context_cache_;
  Stage stage_ = Stage::kDone;
  std::vector<int32_t> tokens_;  // of the open query
  size_t context_ = 0;           // of them, before what is typed

  // Of the network over every token, before what is typed, if there is a
  // context.
  double log_normaliser_ = 0;

  // What is typed as a word: P(it is one | that it is typed), and its id.
  double typed_word_probability_ = 0;
  int32_t typed_id_ = 0;

  std::vector<Candidate> candidates_;  // sorted
  size_t phrase_ = 0;                  // of them, that goes on
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_COMPLETION_H_
