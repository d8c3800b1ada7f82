// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/language_model_self_test.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/status_macros.h"
#include "model/weights/strict_json.h"

namespace carousel {
namespace {

using SelfTestCase = LanguageModelManifest::Case;

constexpr int kCaseOutputs = 5;

// log P(token | <eos>, tokens), by rank: the whole log-softmax. (V)
absl::StatusOr<std::vector<float>> LogProbabilities(
    const LanguageModel& network, absl::Span<const int32_t> tokens) {
  LanguageModel::Workspace workspace;
  RecurrentState state = network.InitialState(1);
  std::vector<int32_t> fed = {Vocabulary::kEndOfLine};
  fed.insert(fed.end(), tokens.begin(), tokens.end());
  // One token a call: no memory grows with the text.
  for (const int32_t& token : fed) {
    RETURN_IF_ERROR(
        network.Advance({&token, 1}, 1, 1, &state, nullptr, &workspace));
  }
  const int vocabulary = network.sizes().vocabulary;
  std::vector<float> values(static_cast<size_t>(vocabulary));
  RETURN_IF_ERROR(network.Logits(network.Top(state), 1, 0, vocabulary,
                                 absl::MakeSpan(values), &workspace));
  // log p_i = x_i - m - log sum_j exp(x_j - m), m = max x.
  const double max = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (float value : values) sum += std::exp(value - max);
  const double log_sum = max + std::log(sum);
  for (float& value : values) value = static_cast<float>(value - log_sum);
  return values;
}

// The most probable tokens first; equal ones in the order of their ranks.
std::vector<int> BestRanks(absl::Span<const float> log_probabilities) {
  std::vector<int> ranks(log_probabilities.size());
  std::iota(ranks.begin(), ranks.end(), 0);
  const size_t count = std::min<size_t>(kCaseOutputs, ranks.size());
  std::partial_sort(ranks.begin(), ranks.begin() + count, ranks.end(),
                    [&](int a, int b) {
                      const float left = log_probabilities[a];
                      const float right = log_probabilities[b];
                      return left > right || (left == right && a < b);
                    });
  ranks.resize(count);
  return ranks;
}

absl::Status Failed(const SelfTestCase& test, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("self-test of ", QuoteForMessage(test.text), ": ", what));
}

absl::Status RunCase(const LanguageModel& network, const Tokenizer& tokenizer,
                     const SelfTestCase& test, double tolerance) {
  ASSIGN_OR_RETURN(const std::vector<int32_t> tokens,
                   tokenizer.Encode(test.text));
  if (tokens != test.tokens) {
    return Failed(
        test, absl::StrCat("expected tokens ", absl::StrJoin(test.tokens, ","),
                           ", found ", absl::StrJoin(tokens, ",")));
  }
  ASSIGN_OR_RETURN(const std::vector<float> found,
                   LogProbabilities(network, tokens));
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  for (const auto& [id, expected] : test.log_probabilities) {
    const float value = found[static_cast<size_t>(vocabulary.rank_of(id))];
    // Written so that a NaN on either side fails.
    if (std::abs(value - expected) <= tolerance) continue;
    return Failed(test, absl::StrCat("log-probability of ",
                                     QuoteForMessage(vocabulary.token(id)),
                                     " (id ", id, "): expected ", expected,
                                     " within ", tolerance, ", found ", value));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<SelfTestCase>> MakeSelfTest(
    const LanguageModel& network, const Tokenizer& tokenizer,
    absl::Span<const std::string> texts) {
  if (texts.empty()) {
    return absl::InvalidArgumentError(
        "self-test: expected at least one text, found none");
  }
  std::vector<SelfTestCase> cases;
  for (const std::string& text : texts) {
    SelfTestCase test;
    test.text = text;
    ASSIGN_OR_RETURN(test.tokens, tokenizer.Encode(text));
    ASSIGN_OR_RETURN(const std::vector<float> values,
                     LogProbabilities(network, test.tokens));
    // A NaN or +infinity among the logits makes the log-sum a NaN, and with it
    // every value.
    if (!std::isfinite(values.front())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "self-test of ", QuoteForMessage(text),
          ": expected finite log-probabilities, found ", values.front()));
    }
    for (int rank : BestRanks(values)) {
      test.log_probabilities.emplace_back(tokenizer.vocabulary().id_at(rank),
                                          values[static_cast<size_t>(rank)]);
    }
    cases.push_back(std::move(test));
  }
  return cases;
}

absl::Status RunSelfTest(const LanguageModel& network,
                         const Tokenizer& tokenizer,
                         absl::Span<const LanguageModelManifest::Case> cases,
                         double tolerance) {
  for (const SelfTestCase& test : cases) {
    RETURN_IF_ERROR(RunCase(network, tokenizer, test, tolerance));
  }
  return absl::OkStatus();
}

}  // namespace carousel
