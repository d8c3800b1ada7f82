// SPDX-License-Identifier: Apache-2.0
//
// A model whose every probability a test writes down.

#ifndef CAROUSEL_TESTS_MODEL_TASKS_TOY_MODEL_H_
#define CAROUSEL_TESTS_MODEL_TASKS_TOY_MODEL_H_

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/tasks/completion.h"
#include "model/tasks/context_cache.h"

namespace carousel {

//   ToyModel model({"hello", "world"});
//   model.After("hello", {{"world", 0.9}});
//   model.Complete("hello w");
class ToyModel {
 public:
  explicit ToyModel(const std::vector<std::string>& words)
      : tokenizer_(TokenizerKind::kWords, MakeVocabulary(words)) {}

  // What follows `context`, tokens with spaces between them, without <eos>.
  // Tokens that are not named have next to no probability.
  void After(const std::string& context,
             std::map<std::string, double> probabilities) {
    table_[context] = std::move(probabilities);
  }

  // What its user wrote earlier, from here on. States are alike after the same
  // word: y . y' = 1, else 0.
  void Read(absl::string_view text, const ContextSetting& setting) {
    const auto passages =
        CutContext(tokenizer_, LineContext::kLine, text).value();
    context_ = std::make_unique<ContextCache>(tokenizer_.vocabulary(), passages,
                                              setting);
    for (const ContextPassage& passage : passages) {
      auto states = std::make_shared<ContextStates>();
      states->width = static_cast<size_t>(tokenizer_.vocabulary().size());
      for (int32_t token : passage) states->Append(StateAfter(token));
      context_->Append(std::move(states));
    }
  }
  void NeverOffer(const std::vector<std::string>& words) {
    tokenizer_.NeverOffer(words);
  }

  std::vector<Suggestion> Complete(absl::string_view text,
                                   int max_suggestions = 3) {
    return Complete(text, {.max_suggestions = max_suggestions});
  }
  std::vector<Suggestion> Complete(absl::string_view text,
                                   const CompletionOptions& options) {
    queries_.clear();
    Completion completion =
        Completion::Start(tokenizer_, text, options, context_.get()).value();
    while (const auto query = completion.Next()) {
      queries_.push_back(Describe(query->tokens));
      completion.Answer(Logits(queries_.back(), query->ranks),
                        StateAfter(query->tokens.back()));
    }
    return completion.Suggestions();
  }

  // The same from scores, as a server has them.
  std::vector<Suggestion> CompleteByScores(absl::string_view text,
                                           const CompletionOptions& options) {
    Completion completion =
        Completion::Start(tokenizer_, text, options, context_.get()).value();
    while (const auto query = completion.Next()) {
      const std::vector<float> logits =
          Logits(Describe(query->tokens), query->ranks);
      const std::vector<float> y = StateAfter(query->tokens.back());
      if (query->words == 0) {
        completion.Answer(logits, y);
        continue;
      }
      const Vocabulary& vocabulary = tokenizer_.vocabulary();
      const absl::Span<const int> wanted =
          context_ == nullptr ? absl::Span<const int>() : context_->ranks();
      WordScorer scorer(vocabulary, query->words, wanted);
      scorer.Add(0, logits, [&](int rank) {
        return vocabulary.may_be_offered(vocabulary.id_at(rank));
      });
      completion.Answer(scorer.Take(), y);
    }
    return completion.Suggestions();
  }

  // The suggestions as "word", or "insert/replace" (see Completion).
  std::vector<std::string> Words(absl::string_view text, int count = 3) {
    std::vector<std::string> words;
    for (const Suggestion& s : Complete(text, count)) words.push_back(s.word);
    return words;
  }
  std::vector<std::string> Words(absl::string_view text,
                                 const CompletionOptions& options) {
    std::vector<std::string> words;
    for (const Suggestion& s : Complete(text, options)) words.push_back(s.word);
    return words;
  }
  std::vector<std::string> Inserts(absl::string_view text, int count = 3) {
    std::vector<std::string> inserts;
    for (const Suggestion& s : Complete(text, count)) {
      inserts.push_back(
          s.replace == 0 ? s.insert : absl::StrCat(s.insert, "/", s.replace));
    }
    return inserts;
  }

  // The contexts that the last completion asked about.
  const std::vector<std::string>& queries() const { return queries_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  static Vocabulary MakeVocabulary(const std::vector<std::string>& words) {
    std::vector<std::string> tokens = {"<unk>", "<eos>", "<num>", ".",
                                       ",",     "-",     "\""};
    tokens.insert(tokens.end(), words.begin(), words.end());
    return Vocabulary::Create(tokens).value();
  }

  std::vector<float> StateAfter(int32_t token) const {
    std::vector<float> y(static_cast<size_t>(tokenizer_.vocabulary().size()));
    y[static_cast<size_t>(token)] = 1;
    return y;
  }

  std::string Describe(absl::Span<const int32_t> tokens) const {
    if (tokens.empty() || tokens[0] != Vocabulary::kEndOfLine) {
      return "a query must begin with <eos>";
    }
    std::vector<std::string> names;
    for (int32_t id : tokens.subspan(1)) {
      names.push_back(tokenizer_.vocabulary().token(id));
    }
    return absl::StrJoin(names, " ");
  }

  std::vector<float> Logits(const std::string& context, RankRange ranks) const {
    std::vector<float> logits;
    const auto row = table_.find(context);
    for (int rank = ranks.begin; rank < ranks.end; ++rank) {
      const Vocabulary& vocabulary = tokenizer_.vocabulary();
      double probability = 1e-9;
      if (row != table_.end()) {
        const auto found =
            row->second.find(vocabulary.token(vocabulary.id_at(rank)));
        if (found != row->second.end()) probability = found->second;
      }
      logits.push_back(static_cast<float>(std::log(probability)));
    }
    return logits;
  }

  Tokenizer tokenizer_;
  std::map<std::string, std::map<std::string, double>> table_;
  std::vector<std::string> queries_;
  std::unique_ptr<ContextCache> context_;
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_MODEL_TASKS_TOY_MODEL_H_
