// SPDX-License-Identifier: Apache-2.0
//
// A network with random weights over a handful of words, made in memory: enough
// for the engine, which cares about who computes what when.

#ifndef CAROUSEL_TESTS_SERVER_ENGINE_TINY_NETWORK_H_
#define CAROUSEL_TESTS_SERVER_ENGINE_TINY_NETWORK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/base/check.h"
#include "model/layers/language_model.h"
#include "model/onednn/precision.h"
#include "model/tasks/completion.h"
#include "model/tasks/context_cache.h"
#include "model/text/tokenizer.h"
#include "server/engine/job.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {

struct TinyNetworkOptions {
  LanguageModelSizes sizes = TinySizes(0);  // but for the vocabulary
  std::vector<std::string> words = {"the",   "there", "to",  "a",
                                    "house", "home",  "you", "your",
                                    "like",  "would", "I",   "."};
  Precision precision = Precision::kF32;  // REQUIRES: the CPU has it
  uint64_t seed = 7;

  // Times all weights but the embedding. Well below 1 the state forgets
  // rounding errors instead of amplifying them.
  float gain = 1;
};

class TinyNetwork {
 public:
  explicit TinyNetwork(const TinyNetworkOptions& options = {})
      : tokenizer_(TokenizerKind::kWords,
                   Vocabulary::Create(TinyTokens(options.words)).value()) {
    LanguageModelSizes sizes = options.sizes;
    sizes.vocabulary = tokenizer_.vocabulary().size();
    std::vector<Tensor> weights = TinyWeights(sizes, options.seed);
    for (size_t i = 1; i < weights.size(); ++i) {
      for (float& value : weights[i].mutable_span<float>()) {
        value *= options.gain;
      }
    }
    network_ = LanguageModel::Create(sizes, weights,
                                     tokenizer_.vocabulary().prefix_order(),
                                     options.precision)
                   .value();
  }

  const std::shared_ptr<const LanguageModel>& network() const {
    return network_;
  }

  Completion Start(const std::string& text,
                   const CompletionOptions& options = {},
                   const ContextCache* context = nullptr) const {
    return Completion::Start(tokenizer_, text, options, context).value();
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
  // query from the state of zeros, all its tokens at once; and so every line of
  // earlier text, if there is any.
  std::vector<Suggestion> Expected(const std::string& text,
                                   const CompletionOptions& options = {},
                                   const std::string& context = "",
                                   const ContextSetting& setting = {}) const {
    const std::unique_ptr<const ContextCache> cache = Read(context, setting);
    Completion completion = Start(text, options, cache.get());
    Ask(&completion);
    return completion.Suggestions();
  }

  // Tokens that must be fed for them, each once.
  int64_t TokensOf(const std::string& text) const {
    Completion completion = Start(text);
    return Ask(&completion);
  }

 private:
  // Null if there is nothing to read.
  std::unique_ptr<const ContextCache> Read(
      const std::string& text, const ContextSetting& setting) const {
    const auto passages =
        CutContext(tokenizer_, LineContext::kLine, text).value();
    if (passages.empty()) return nullptr;
    auto cache = std::make_unique<ContextCache>(tokenizer_.vocabulary(),
                                                passages, setting);
    LanguageModel::Workspace workspace;
    for (const ContextPassage& passage : passages) {
      RecurrentState state = network_->InitialState(1);
      std::vector<float> top;
      const int steps = static_cast<int>(passage.size());
      CAROUSEL_CHECK(
          network_->Advance(passage, steps, 1, &state, &top, &workspace).ok());
      auto states = std::make_shared<ContextStates>();
      states->width = top.size() / passage.size();
      for (size_t at = 0; at < top.size(); at += states->width) {
        states->Append(absl::MakeConstSpan(top).subspan(at, states->width));
      }
      cache->Append(std::move(states));
    }
    return cache;
  }

  // Answers all its questions; returns how many tokens they are about.
  int64_t Ask(Completion* completion) const {
    LanguageModel::Workspace workspace;
    int64_t tokens = 0;
    while (const auto query = completion->Next()) {
      std::vector<float> logits(static_cast<size_t>(query->ranks.size()));
      std::vector<float> top;
      if (!logits.empty()) {
        RecurrentState state = network_->InitialState(1);
        const int steps = static_cast<int>(query->tokens.size());
        CAROUSEL_CHECK(
            network_
                ->Advance(query->tokens, steps, 1, &state, nullptr, &workspace)
                .ok());
        CAROUSEL_CHECK(network_
                           ->Logits(top = network_->Top(state), 1,
                                    query->ranks.begin, query->ranks.end,
                                    absl::MakeSpan(logits), &workspace)
                           .ok());
        tokens = steps;  // a later query begins with those of this one
      }
      completion->Answer(logits, top);
    }
    return tokens;
  }

  const Tokenizer tokenizer_;
  std::shared_ptr<const LanguageModel> network_;
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_SERVER_ENGINE_TINY_NETWORK_H_
