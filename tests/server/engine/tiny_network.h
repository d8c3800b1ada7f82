// SPDX-License-Identifier: Apache-2.0
//
// A network with random weights over a handful of words, made in memory: enough
// for the engine, which cares about who computes what when.

#ifndef CAROUSEL_TESTS_SERVER_ENGINE_TINY_NETWORK_H_
#define CAROUSEL_TESTS_SERVER_ENGINE_TINY_NETWORK_H_

#include <memory>
#include <string>
#include <vector>

#include "model/base/check.h"
#include "model/layers/language_model.h"
#include "model/tasks/completion.h"
#include "model/text/tokenizer.h"
#include "server/engine/job.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {

class TinyNetwork {
 public:
  TinyNetwork() : tokenizer_(TokenizerKind::kWords, MakeVocabulary()) {
    const auto sizes = TinySizes(tokenizer_.vocabulary().size());
    network_ = LanguageModel::Create(sizes, TinyWeights(sizes, 7),
                                     tokenizer_.vocabulary().prefix_order())
                   .value();
  }

  const std::shared_ptr<const LanguageModel>& network() const {
    return network_;
  }

  Completion Start(const std::string& text) const {
    return Completion::Start(tokenizer_, text, {}).value();
  }

  // A job for `text` that nobody waits for.
  Job MakeJob(const std::string& text) const {
    Job job;
    job.network = network_;
    job.tokenizer = &tokenizer_;
    job.text = text;
    return job;
  }

  // The suggestions for `text`, straight from the contract of Completion: every
  // query from the state of zeros, all its tokens at once.
  std::vector<Suggestion> Expected(const std::string& text) const {
    Completion completion = Start(text);
    LanguageModel::Workspace workspace;
    while (const auto query = completion.Next()) {
      RecurrentState state = network_->InitialState(1);
      std::vector<float> logits(static_cast<size_t>(query->ranks.size()));
      const int steps = static_cast<int>(query->tokens.size());
      CAROUSEL_CHECK(
          network_
              ->Advance(query->tokens, steps, 1, &state, nullptr, &workspace)
              .ok());
      CAROUSEL_CHECK(network_
                         ->Logits(network_->Top(state), 1, query->ranks.begin,
                                  query->ranks.end, absl::MakeSpan(logits),
                                  &workspace)
                         .ok());
      completion.Answer(logits);
    }
    return completion.Suggestions();
  }

 private:
  static Vocabulary MakeVocabulary() {
    return Vocabulary::Create(
               TinyTokens({"the", "there", "to", "a", "house", "home", "you",
                           "your", "like", "would", "I", "."}))
        .value();
  }

  const Tokenizer tokenizer_;
  std::shared_ptr<const LanguageModel> network_;
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_SERVER_ENGINE_TINY_NETWORK_H_
