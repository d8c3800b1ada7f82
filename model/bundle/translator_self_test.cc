// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/translator_self_test.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/bundle/manifest_fields.h"
#include "model/text/vocabulary.h"
#include "model/weights/strict_json.h"

namespace carousel {
namespace {

using Case = TranslatorManifest::Case;

constexpr size_t kMostTokens = TranslatorManifest::kMostTokens;

// Walks through a translation, a token at a time.
class Walk {
 public:
  explicit Walk(const TranslatorParts& parts) : parts_(parts) {}

  absl::Status Begin(const std::string& text) {
    ASSIGN_OR_RETURN(std::vector<int32_t> tokens,
                     parts_.source_tokenizer.Encode(text));
    tokens.push_back(Vocabulary::kEndOfLine);
    const TranslatorSizes& sizes = parts_.network->sizes();
    RETURN_IF_ERROR(CheckSelfTestSize(
        tokens.size(), int64_t{sizes.embedding} + sizes.encoder.outputs() +
                           sizes.decoder.outputs()));
    ASSIGN_OR_RETURN(auto encoded,
                     parts_.network->Encode({tokens}, &workspace_));
    source_ = std::move(encoded[0]);
    state_ = source_.state;
    return absl::OkStatus();
  }

  // Feeds `token`, then the logits of the one after it stand ready.
  absl::Status Feed(int32_t token) {
    ASSIGN_OR_RETURN(logits_, parts_.network->decoder().Step(
                                  {token}, {&source_.memory}, &state_, nullptr,
                                  &workspace_.decoder()));
    return absl::OkStatus();
  }

  int32_t MostProbable() const {
    return static_cast<int32_t>(
        std::max_element(logits_.begin(), logits_.end()) - logits_.begin());
  }

  // log p_i = x_i - m - log sum_j exp(x_j - m), m = max x.
  double LogProbability(int32_t token) const {
    const double max = *std::max_element(logits_.begin(), logits_.end());
    double sum = 0;
    for (float value : logits_) sum += std::exp(value - max);
    return logits_[static_cast<size_t>(token)] - max - std::log(sum);
  }

 private:
  const TranslatorParts& parts_;
  Translator::Workspace workspace_;
  EncodedSource source_;
  RecurrentState state_;
  absl::Span<const float> logits_;  // (V)
};

}  // namespace

absl::StatusOr<Case> MakeTranslatorCase(const TranslatorParts& parts,
                                        const std::string& text) {
  Walk walk(parts);
  RETURN_IF_ERROR(walk.Begin(text));
  Case test = {.text = text, .tokens = {}, .log_probability = 0};
  double sum = 0;
  int32_t token = Vocabulary::kEndOfLine;
  while (test.tokens.size() < kMostTokens) {
    RETURN_IF_ERROR(walk.Feed(token));
    token = walk.MostProbable();
    sum += walk.LogProbability(token);
    if (token == Vocabulary::kEndOfLine) break;
    test.tokens.push_back(token);
  }
  test.log_probability = static_cast<float>(sum);
  if (std::isfinite(test.log_probability)) return test;
  return absl::InvalidArgumentError(
      absl::StrCat("self-test of ", QuoteForMessage(text),
                   ": expected a finite log-probability, found ", sum));
}

absl::Status RunTranslatorCase(const TranslatorParts& parts, const Case& test,
                               double tolerance) {
  Walk walk(parts);
  RETURN_IF_ERROR(walk.Begin(test.text));
  std::vector<int32_t> tokens = test.tokens;
  if (tokens.size() < kMostTokens) tokens.push_back(Vocabulary::kEndOfLine);
  double sum = 0;
  int32_t before = Vocabulary::kEndOfLine;
  for (const int32_t token : tokens) {
    RETURN_IF_ERROR(walk.Feed(before));
    sum += walk.LogProbability(token);
    before = token;
  }
  const double accepted = tolerance * static_cast<double>(tokens.size());
  // Written so that a NaN on either side fails.
  if (std::abs(sum - static_cast<double>(test.log_probability)) <= accepted) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(
      "self-test of ", QuoteForMessage(test.text),
      ": log-probability of its translation: expected ", test.log_probability,
      " within ", accepted, ", found ", sum));
}

}  // namespace carousel
