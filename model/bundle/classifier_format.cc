// SPDX-License-Identifier: Apache-2.0

#include <cmath>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/manifest_fields.h"
#include "model/bundle/task_format.h"
#include "model/text/whole_text.h"

namespace carousel {
namespace {

using nlohmann::ordered_json;

// More than any data set has; a label is text for people.
constexpr size_t kMaxLabels = 65536;

// More than a person reads at once; it bounds the time of an answer.
constexpr int64_t kMaxLongestText = 65536;

constexpr PoolingKind kPoolings[] = {PoolingKind::kLast, PoolingKind::kMaxMean,
                                     PoolingKind::kConcat,
                                     PoolingKind::kAttention};

const ClassifierManifest& Fields(const TaskManifest& manifest) {
  return *std::get_if<ClassifierManifest>(&manifest);
}

absl::StatusOr<ClassifierSizes> ParseNetwork(const JsonField& network) {
  ClassifierSizes sizes;
  ASSIGN_OR_RETURN(sizes.vocabulary,
                   ParseSize(network, "vocabulary", kMaxSize));
  ASSIGN_OR_RETURN(sizes.embedding, ParseSize(network, "embedding", kMaxSize));
  ASSIGN_OR_RETURN(sizes.rnn, ParseStack(network, "rnn", sizes.embedding));
  std::vector<absl::string_view> names;
  for (PoolingKind kind : kPoolings) names.push_back(PoolingKindName(kind));
  ASSIGN_OR_RETURN(const size_t pooling,
                   ParseChoice(network, "pooling", names));
  sizes.pooling = kPoolings[pooling];
  if (sizes.pooling == PoolingKind::kAttention) {
    ASSIGN_OR_RETURN(sizes.pooling_units,
                     ParseSize(network, "pooling_units", kMaxSize));
  }
  return sizes;
}

absl::StatusOr<std::vector<std::string>> ParseLabels(const JsonField& root) {
  ASSIGN_OR_RETURN(const JsonField field, root.Get("labels"));
  ASSIGN_OR_RETURN(const auto elements, field.Elements());
  if (elements.size() < 2 || elements.size() > kMaxLabels) {
    return field.Expected(absl::StrCat("2 to ", kMaxLabels, " labels"));
  }
  std::vector<std::string> labels;
  std::set<std::string> seen;
  for (const JsonField& element : elements) {
    ASSIGN_OR_RETURN(std::string label, element.String());
    if (label.empty() || !seen.insert(label).second) {
      return element.Expected("a label that is not empty or repeated");
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

// log P(label | text) of every label.
absl::StatusOr<std::vector<float>> LogProbabilities(
    const ClassifierParts& parts, const ClassifierManifest& manifest,
    absl::string_view text) {
  ASSIGN_OR_RETURN(
      const WholeText whole,
      EncodeWholeText(parts.tokenizer, manifest.longest_text, text));
  RETURN_IF_ERROR(CheckSelfTestSize(
      whole.tokens.size(),
      int64_t{manifest.sizes.embedding} + manifest.sizes.rnn.outputs()));
  const auto length = static_cast<int32_t>(whole.tokens.size());
  std::vector<float> result(manifest.labels.size());
  Classifier::Workspace workspace;
  RETURN_IF_ERROR(parts.network->LogProbabilities(
      {.tokens = whole.tokens, .lengths = {&length, 1}}, absl::MakeSpan(result),
      &workspace));
  return result;
}

absl::Status RunCase(const ClassifierParts& parts,
                     const ClassifierManifest& manifest,
                     const ClassifierManifest::Case& test, double tolerance) {
  ASSIGN_OR_RETURN(const std::vector<float> found,
                   LogProbabilities(parts, manifest, test.text));
  for (size_t i = 0; i < found.size(); ++i) {
    const float expected = test.log_probabilities[i];
    // Written so that a NaN on either side fails.
    if (std::abs(found[i] - expected) <= tolerance) continue;
    return absl::DataLossError(absl::StrCat(
        "self-test of ", QuoteForMessage(test.text), ": log-probability of ",
        QuoteForMessage(manifest.labels[i]), ": expected ", expected,
        " within ", tolerance, ", found ", found[i]));
  }
  return absl::OkStatus();
}

class Format : public TaskFormat {
 public:
  absl::StatusOr<TaskManifest> ParseFields(
      const JsonField& root) const override {
    ClassifierManifest manifest;
    ASSIGN_OR_RETURN(const JsonField network, root.Get("network"));
    ASSIGN_OR_RETURN(manifest.sizes, ParseNetwork(network));
    ASSIGN_OR_RETURN(const JsonField tokenizer, root.Get("tokenizer"));
    ASSIGN_OR_RETURN(manifest.tokenizer, ParseKind(tokenizer));
    ASSIGN_OR_RETURN(manifest.labels, ParseLabels(root));
    manifest.sizes.labels = static_cast<int>(manifest.labels.size());
    ASSIGN_OR_RETURN(manifest.longest_text,
                     ParseSize(root, "longest_text", kMaxLongestText));
    return manifest;
  }

  absl::Status ParseCase(const JsonField& field,
                         TaskManifest* manifest) const override {
    auto& fields = *std::get_if<ClassifierManifest>(manifest);
    ClassifierManifest::Case result;
    ASSIGN_OR_RETURN(result.text, ParseCaseText(field));
    ASSIGN_OR_RETURN(const JsonField outputs, field.Get("log_probabilities"));
    ASSIGN_OR_RETURN(const auto elements, outputs.Elements());
    if (elements.size() != fields.labels.size()) {
      return outputs.Expected(
          absl::StrCat(fields.labels.size(), " values, one for each label"));
    }
    for (const JsonField& element : elements) {
      ASSIGN_OR_RETURN(const float value, ParseLogProbability(element));
      result.log_probabilities.push_back(value);
    }
    fields.self_test.push_back(std::move(result));
    return absl::OkStatus();
  }

  void AddFields(const TaskManifest& manifest,
                 ordered_json* document) const override {
    const ClassifierManifest& fields = Fields(manifest);
    const ClassifierSizes& sizes = fields.sizes;
    (*document)["network"] = {
        {"vocabulary", sizes.vocabulary},
        {"embedding", sizes.embedding},
        {"rnn", StackJson(sizes.rnn)},
        {"pooling", std::string(PoolingKindName(sizes.pooling))},
        {"pooling_units", sizes.pooling_units}};
    (*document)["tokenizer"] = TokenizerJson(fields.tokenizer, kVocabularyFile);
    (*document)["labels"] = fields.labels;
    (*document)["longest_text"] = fields.longest_text;
  }

  ordered_json CasesJson(const TaskManifest& manifest) const override {
    ordered_json cases = ordered_json::array();
    for (const auto& test : Fields(manifest).self_test) {
      cases.push_back(
          {{"text", test.text}, {"log_probabilities", test.log_probabilities}});
    }
    return cases;
  }

  std::vector<VocabularyFile> Vocabularies(
      const TaskManifest& manifest) const override {
    const ClassifierManifest& fields = Fields(manifest);
    return {{kVocabularyFile, "tokenizer", "vocabulary", fields.tokenizer,
             fields.sizes.vocabulary, "network.vocabulary"}};
  }

  absl::StatusOr<std::vector<WeightSpec>> Specs(
      const TaskManifest& manifest) const override {
    return WeightSpecs(Fields(manifest).sizes);
  }

  // In int8 an LSTM loses little: its h lies in (-1, 1). The others are not
  // measured.
  PrecisionSupport Precisions(const TaskManifest& manifest) const override {
    return {.bf16 = true,
            .int8 = Fields(manifest).sizes.rnn.cell == Cell::kLstm};
  }

  absl::StatusOr<ModelParts> MakeParts(
      const TaskManifest& manifest, std::vector<Tokenizer> tokenizers,
      absl::Span<const Tensor> weights,
      const PartsOptions& options) const override {
    ASSIGN_OR_RETURN(
        std::unique_ptr<const Classifier> network,
        Classifier::Create(Fields(manifest).sizes, weights, options.precision));
    return ClassifierParts{std::move(tokenizers.front()), std::move(network)};
  }

  NetworkFacts Facts(const ModelParts& parts) const override {
    const Classifier& network = *Parts(parts).network;
    return {network.Implementation(), network.memory_bytes()};
  }

  absl::Status MakeCases(const ModelParts& parts, const SelfTestInputs& inputs,
                         TaskManifest* manifest) const override {
    if (inputs.texts.empty()) {
      return absl::InvalidArgumentError(
          "self-test: expected at least one text, found none");
    }
    auto& fields = *std::get_if<ClassifierManifest>(manifest);
    fields.self_test.clear();
    for (const std::string& text : inputs.texts) {
      ASSIGN_OR_RETURN(std::vector<float> values,
                       LogProbabilities(Parts(parts), fields, text));
      for (float value : values) {
        if (std::isfinite(value)) continue;
        return absl::InvalidArgumentError(
            absl::StrCat("self-test of ", QuoteForMessage(text),
                         ": expected finite log-probabilities, found ", value));
      }
      fields.self_test.push_back({text, std::move(values)});
    }
    return absl::OkStatus();
  }

  absl::Status RunCases(const ModelParts& parts, const TaskManifest& manifest,
                        double tolerance) const override {
    for (const auto& test : Fields(manifest).self_test) {
      RETURN_IF_ERROR(RunCase(Parts(parts), Fields(manifest), test, tolerance));
    }
    return absl::OkStatus();
  }

  // One word, and a few, so that the recurrence is tested.
  SelfTestInputs DefaultInputs(
      const TaskManifest&,
      absl::Span<const Tokenizer> tokenizers) const override {
    const Vocabulary& vocabulary = tokenizers.front().vocabulary();
    return {.texts = {vocabulary.token(vocabulary.size() - 1),
                      FirstWords(vocabulary)}};
  }

 private:
  static const ClassifierParts& Parts(const ModelParts& parts) {
    return *std::get_if<ClassifierParts>(&parts);
  }
};

}  // namespace

const TaskFormat& ClassifierFormat() {
  static const Format format;
  return format;
}

}  // namespace carousel
