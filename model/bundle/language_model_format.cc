// SPDX-License-Identifier: Apache-2.0

#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/round_trip.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/language_model_self_test.h"
#include "model/bundle/manifest_fields.h"
#include "model/bundle/output_tiles.h"
#include "model/bundle/task_format.h"

namespace carousel {
namespace {

using nlohmann::ordered_json;

const LanguageModelManifest& Fields(const TaskManifest& manifest) {
  return *std::get_if<LanguageModelManifest>(&manifest);
}

absl::StatusOr<LanguageModelSizes> ParseNetwork(const JsonField& network) {
  LanguageModelSizes sizes;
  ASSIGN_OR_RETURN(sizes.cell, ParseCellField(network));
  ASSIGN_OR_RETURN(sizes.vocabulary,
                   ParseSize(network, "vocabulary", kMaxSize));
  ASSIGN_OR_RETURN(sizes.embedding, ParseSize(network, "embedding", kMaxSize));
  ASSIGN_OR_RETURN(sizes.hidden, ParseSize(network, "hidden", kMaxSize));
  ASSIGN_OR_RETURN(sizes.layers, ParseSize(network, "layers", kMaxLayers));
  ASSIGN_OR_RETURN(sizes.projection, ParseFlag(network, "projection"));
  ASSIGN_OR_RETURN(sizes.tied, ParseFlag(network, "tied"));
  ASSIGN_OR_RETURN(sizes.residual, ParseOptionalFlag(network, "residual"));
  if (!network.Has("cutoffs")) return sizes;
  ASSIGN_OR_RETURN(const JsonField cutoffs, network.Get("cutoffs"));
  ASSIGN_OR_RETURN(const auto elements, cutoffs.Elements());
  if (elements.empty() || elements.size() > sizes.cutoffs.size()) {
    return cutoffs.Expected("one to four numbers");
  }
  for (size_t i = 0; i < elements.size(); ++i) {
    ASSIGN_OR_RETURN(const int64_t cutoff, elements[i].Integer(1, kMaxSize));
    sizes.cutoffs[i] = static_cast<int>(cutoff);
  }
  return sizes;
}

ordered_json NetworkJson(const LanguageModelSizes& sizes) {
  ordered_json json = {{"cell", std::string(CellName(sizes.cell))},
                       {"vocabulary", sizes.vocabulary},
                       {"embedding", sizes.embedding},
                       {"hidden", sizes.hidden},
                       {"layers", sizes.layers},
                       {"projection", sizes.projection},
                       {"tied", sizes.tied},
                       {"residual", sizes.residual}};
  if (sizes.adaptive()) json["cutoffs"] = sizes.adaptive_softmax().cutoffs;
  return json;
}

// Optional: a list of words.
absl::StatusOr<std::vector<std::string>> ParseBlocked(const JsonField& root) {
  std::vector<std::string> words;
  if (!root.Has("blocked")) return words;
  ASSIGN_OR_RETURN(const JsonField field, root.Get("blocked"));
  ASSIGN_OR_RETURN(const auto elements, field.Elements());
  for (const JsonField& element : elements) {
    ASSIGN_OR_RETURN(std::string word, element.String());
    if (word.empty()) return element.Expected("a word");
    words.push_back(std::move(word));
  }
  return words;
}

// The member `name`: a number from 0 to `most`.
absl::StatusOr<float> ParseFloat(const JsonField& parent,
                                 absl::string_view name, float most) {
  ASSIGN_OR_RETURN(const JsonField field, parent.Get(name));
  ASSIGN_OR_RETURN(const double value, field.Number());
  const auto number = static_cast<float>(value);
  if (number >= 0 && number <= most) return number;
  return field.Expected(absl::StrCat("a number from 0 to ", most));
}

// Optional.
absl::StatusOr<ContextSetting> ParseContextSetting(const JsonField& root) {
  ContextSetting setting;
  if (!root.Has("context_cache")) return setting;
  ASSIGN_OR_RETURN(const JsonField field, root.Get("context_cache"));
  ASSIGN_OR_RETURN(setting.theta,
                   ParseFloat(field, "theta", ContextSetting::kMostTheta));
  ASSIGN_OR_RETURN(setting.lambda,
                   ParseFloat(field, "lambda", ContextSetting::kMostLambda));
  return setting;
}

ordered_json ContextSettingJson(const ContextSetting& setting) {
  return {{"theta", RoundTrip(setting.theta)},
          {"lambda", RoundTrip(setting.lambda)}};
}

class Format : public TaskFormat {
 public:
  absl::StatusOr<TaskManifest> ParseFields(
      const JsonField& root) const override {
    LanguageModelManifest manifest;
    ASSIGN_OR_RETURN(const JsonField network, root.Get("network"));
    ASSIGN_OR_RETURN(manifest.sizes, ParseNetwork(network));
    ASSIGN_OR_RETURN(const JsonField tokenizer, root.Get("tokenizer"));
    ASSIGN_OR_RETURN(manifest.tokenizer, ParseKind(tokenizer));
    constexpr LineContext kContexts[] = {LineContext::kLine,
                                         LineContext::kStream};
    const absl::string_view names[] = {LineContextName(kContexts[0]),
                                       LineContextName(kContexts[1])};
    ASSIGN_OR_RETURN(const size_t context,
                     ParseChoice(tokenizer, "context", names));
    manifest.context = kContexts[context];
    ASSIGN_OR_RETURN(manifest.blocked, ParseBlocked(root));
    ASSIGN_OR_RETURN(manifest.context_cache, ParseContextSetting(root));
    return manifest;
  }

  absl::Status ParseCase(const JsonField& field,
                         TaskManifest* manifest) const override {
    auto& fields = *std::get_if<LanguageModelManifest>(manifest);
    const int vocabulary = fields.sizes.vocabulary;
    LanguageModelManifest::Case result;
    ASSIGN_OR_RETURN(result.text, ParseCaseText(field));
    ASSIGN_OR_RETURN(const JsonField tokens, field.Get("tokens"));
    ASSIGN_OR_RETURN(result.tokens, ParseTokens(tokens, vocabulary));
    ASSIGN_OR_RETURN(const JsonField outputs, field.Get("log_probabilities"));
    ASSIGN_OR_RETURN(const auto output_list, outputs.Elements());
    if (output_list.empty()) {
      return outputs.Expected("at least one [id, value]");
    }
    for (const JsonField& output : output_list) {
      ASSIGN_OR_RETURN(const auto pair, output.Elements());
      if (pair.size() != 2) return output.Expected("[id, value]");
      ASSIGN_OR_RETURN(const int32_t id, ParseToken(pair[0], vocabulary));
      ASSIGN_OR_RETURN(const float value, ParseLogProbability(pair[1]));
      result.log_probabilities.emplace_back(id, value);
    }
    fields.self_test.push_back(std::move(result));
    return absl::OkStatus();
  }

  void AddFields(const TaskManifest& manifest,
                 ordered_json* document) const override {
    const LanguageModelManifest& fields = Fields(manifest);
    (*document)["network"] = NetworkJson(fields.sizes);
    (*document)["tokenizer"] = {
        {"kind", std::string(TokenizerKindName(fields.tokenizer))},
        {"context", std::string(LineContextName(fields.context))},
        {"vocabulary", std::string(kVocabularyFile)}};
    if (!fields.blocked.empty()) (*document)["blocked"] = fields.blocked;
    if (fields.context_cache != ContextSetting()) {
      (*document)["context_cache"] = ContextSettingJson(fields.context_cache);
    }
  }

  ordered_json CasesJson(const TaskManifest& manifest) const override {
    ordered_json cases = ordered_json::array();
    for (const auto& test : Fields(manifest).self_test) {
      ordered_json outputs = ordered_json::array();
      for (const auto& [id, value] : test.log_probabilities) {
        outputs.push_back(ordered_json::array({id, value}));
      }
      cases.push_back({{"text", test.text},
                       {"tokens", test.tokens},
                       {"log_probabilities", std::move(outputs)}});
    }
    return cases;
  }

  std::vector<VocabularyFile> Vocabularies(
      const TaskManifest& manifest) const override {
    const LanguageModelManifest& fields = Fields(manifest);
    return {{kVocabularyFile, "tokenizer", "vocabulary", fields.tokenizer,
             fields.sizes.vocabulary, "network.vocabulary"}};
  }

  absl::StatusOr<std::vector<WeightSpec>> Specs(
      const TaskManifest& manifest) const override {
    return WeightSpecs(Fields(manifest).sizes);
  }

  std::vector<TiedWeight> TiedWeights(
      const TaskManifest& manifest) const override {
    if (!Fields(manifest).sizes.tied) return {};
    return {{"output.weight", "embedding.weight", "network.tied"}};
  }

  // In int8 an LSTM loses little: its h lies in (-1, 1). The others are not
  // measured.
  PrecisionSupport Precisions(const TaskManifest& manifest) const override {
    return {.bf16 = true, .int8 = Fields(manifest).sizes.cell == Cell::kLstm};
  }

  absl::StatusOr<ModelParts> MakeParts(
      const TaskManifest& manifest, std::vector<Tokenizer> tokenizers,
      absl::Span<const Tensor> weights,
      const PartsOptions& options) const override {
    Tokenizer& tokenizer = tokenizers.front();
    tokenizer.NeverOffer(Fields(manifest).blocked);
    ASSIGN_OR_RETURN(
        std::unique_ptr<const LanguageModel> network,
        LanguageModel::Create(
            Fields(manifest).sizes, weights,
            tokenizer.vocabulary().prefix_order(), options.precision,
            {.tile_begins = TileBegins(tokenizer.vocabulary()),
             .max_table_bytes = options.max_table_bytes}));
    return LanguageModelParts{std::move(tokenizer), std::move(network)};
  }

  NetworkFacts Facts(const ModelParts& parts) const override {
    const LanguageModel& network = *Parts(parts).network;
    return {network.Implementation(), network.memory_bytes()};
  }

  absl::Status MakeCases(const ModelParts& parts, const SelfTestInputs& inputs,
                         TaskManifest* manifest) const override {
    const LanguageModelParts& typed = Parts(parts);
    ASSIGN_OR_RETURN(
        std::get_if<LanguageModelManifest>(manifest)->self_test,
        MakeSelfTest(*typed.network, typed.tokenizer, inputs.texts));
    return absl::OkStatus();
  }

  absl::Status RunCases(const ModelParts& parts, const TaskManifest& manifest,
                        double tolerance) const override {
    const LanguageModelParts& typed = Parts(parts);
    return RunSelfTest(*typed.network, typed.tokenizer,
                       Fields(manifest).self_test, tolerance);
  }

  // The start of a line, and a few words, so that the recurrence is tested.
  SelfTestInputs DefaultInputs(
      const TaskManifest&,
      absl::Span<const Tokenizer> tokenizers) const override {
    return {.texts = {"", FirstWords(tokenizers.front().vocabulary())}};
  }

 private:
  static const LanguageModelParts& Parts(const ModelParts& parts) {
    return *std::get_if<LanguageModelParts>(&parts);
  }
};

}  // namespace

const TaskFormat& LanguageModelFormat() {
  static const Format format;
  return format;
}

}  // namespace carousel
