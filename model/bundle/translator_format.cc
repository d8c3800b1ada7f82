// SPDX-License-Identifier: Apache-2.0

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/manifest_fields.h"
#include "model/bundle/task_format.h"
#include "model/bundle/translator_self_test.h"

namespace carousel {
namespace {

using nlohmann::ordered_json;

// Their names stand behind "none".
constexpr AttentionKind kAttentions[] = {
    AttentionKind::kDot, AttentionKind::kGeneral, AttentionKind::kAdditive};
constexpr absl::string_view kNoAttention = "none";

const TranslatorManifest& Fields(const TaskManifest& manifest) {
  return *std::get_if<TranslatorManifest>(&manifest);
}

absl::StatusOr<TranslatorSizes> ParseNetwork(const JsonField& network) {
  TranslatorSizes sizes;
  ASSIGN_OR_RETURN(sizes.source_vocabulary,
                   ParseSize(network, "source_vocabulary", kMaxSize));
  ASSIGN_OR_RETURN(sizes.target_vocabulary,
                   ParseSize(network, "target_vocabulary", kMaxSize));
  ASSIGN_OR_RETURN(sizes.embedding, ParseSize(network, "embedding", kMaxSize));
  ASSIGN_OR_RETURN(sizes.encoder,
                   ParseStack(network, "encoder", sizes.embedding));
  ASSIGN_OR_RETURN(sizes.decoder,
                   ParseStack(network, "decoder", sizes.embedding));
  std::vector<absl::string_view> names = {kNoAttention};
  for (AttentionKind kind : kAttentions) {
    names.push_back(AttentionKindName(kind));
  }
  ASSIGN_OR_RETURN(const size_t attention,
                   ParseChoice(network, "attention", names));
  if (attention > 0) sizes.attention = kAttentions[attention - 1];
  ASSIGN_OR_RETURN(sizes.reverse_input, ParseFlag(network, "reverse_input"));
  ASSIGN_OR_RETURN(sizes.tied, ParseFlag(network, "tied"));
  ASSIGN_OR_RETURN(sizes.shared_embedding,
                   ParseOptionalFlag(network, "shared_embedding"));
  return sizes;
}

ordered_json NetworkJson(const TranslatorSizes& sizes) {
  const absl::string_view attention =
      sizes.attention ? AttentionKindName(*sizes.attention) : kNoAttention;
  return {{"source_vocabulary", sizes.source_vocabulary},
          {"target_vocabulary", sizes.target_vocabulary},
          {"embedding", sizes.embedding},
          {"encoder", StackJson(sizes.encoder)},
          {"decoder", StackJson(sizes.decoder)},
          {"attention", std::string(attention)},
          {"reverse_input", sizes.reverse_input},
          {"tied", sizes.tied},
          {"shared_embedding", sizes.shared_embedding}};
}

class Format : public TaskFormat {
 public:
  absl::StatusOr<TaskManifest> ParseFields(
      const JsonField& root) const override {
    TranslatorManifest manifest;
    ASSIGN_OR_RETURN(const JsonField network, root.Get("network"));
    ASSIGN_OR_RETURN(manifest.sizes, ParseNetwork(network));
    ASSIGN_OR_RETURN(const JsonField source, root.Get("source_tokenizer"));
    ASSIGN_OR_RETURN(manifest.source_tokenizer, ParseKind(source));
    ASSIGN_OR_RETURN(const JsonField target, root.Get("target_tokenizer"));
    ASSIGN_OR_RETURN(manifest.target_tokenizer, ParseKind(target));
    return manifest;
  }

  absl::Status ParseCase(const JsonField& field,
                         TaskManifest* manifest) const override {
    auto& fields = *std::get_if<TranslatorManifest>(manifest);
    TranslatorManifest::Case result;
    ASSIGN_OR_RETURN(result.text, ParseCaseText(field));
    ASSIGN_OR_RETURN(const JsonField tokens, field.Get("tokens"));
    ASSIGN_OR_RETURN(result.tokens,
                     ParseTokens(tokens, fields.sizes.target_vocabulary));
    if (result.tokens.size() > TranslatorManifest::kMostTokens) {
      return tokens.Expected(
          absl::StrCat("at most ", TranslatorManifest::kMostTokens, " tokens"));
    }
    ASSIGN_OR_RETURN(const JsonField value, field.Get("log_probability"));
    ASSIGN_OR_RETURN(result.log_probability, ParseLogProbability(value));
    fields.self_test.push_back(std::move(result));
    return absl::OkStatus();
  }

  void AddFields(const TaskManifest& manifest,
                 ordered_json* document) const override {
    const TranslatorManifest& fields = Fields(manifest);
    (*document)["network"] = NetworkJson(fields.sizes);
    (*document)["source_tokenizer"] =
        TokenizerJson(fields.source_tokenizer, kSourceVocabularyFile);
    (*document)["target_tokenizer"] =
        TokenizerJson(fields.target_tokenizer, kTargetVocabularyFile);
  }

  ordered_json CasesJson(const TaskManifest& manifest) const override {
    ordered_json cases = ordered_json::array();
    for (const auto& test : Fields(manifest).self_test) {
      cases.push_back({{"text", test.text},
                       {"tokens", test.tokens},
                       {"log_probability", test.log_probability}});
    }
    return cases;
  }

  std::vector<VocabularyFile> Vocabularies(
      const TaskManifest& manifest) const override {
    const TranslatorManifest& fields = Fields(manifest);
    return {{kSourceVocabularyFile, "source_tokenizer", "source_vocabulary",
             fields.source_tokenizer, fields.sizes.source_vocabulary,
             "network.source_vocabulary"},
            {kTargetVocabularyFile, "target_tokenizer", "target_vocabulary",
             fields.target_tokenizer, fields.sizes.target_vocabulary,
             "network.target_vocabulary"}};
  }

  absl::StatusOr<std::vector<WeightSpec>> Specs(
      const TaskManifest& manifest) const override {
    return WeightSpecs(Fields(manifest).sizes);
  }

  std::vector<TiedWeight> TiedWeights(
      const TaskManifest& manifest) const override {
    const TranslatorSizes& sizes = Fields(manifest).sizes;
    std::vector<TiedWeight> tied;
    if (sizes.tied) {
      tied.push_back(
          {"output.weight", "target_embedding.weight", "network.tied"});
    }
    if (sizes.shared_embedding) {
      tied.push_back({"source_embedding.weight", "target_embedding.weight",
                      "network.shared_embedding"});
    }
    return tied;
  }

  absl::StatusOr<ModelParts> MakeParts(const TaskManifest& manifest,
                                       std::vector<Tokenizer> tokenizers,
                                       absl::Span<const Tensor> weights,
                                       const PartsOptions&) const override {
    ASSIGN_OR_RETURN(std::unique_ptr<const Translator> network,
                     Translator::Create(Fields(manifest).sizes, weights));
    return TranslatorParts{.source_tokenizer = std::move(tokenizers[0]),
                           .target_tokenizer = std::move(tokenizers[1]),
                           .network = std::move(network)};
  }

  NetworkFacts Facts(const ModelParts& parts) const override {
    const Translator& network = *Parts(parts).network;
    return {.implementation = network.Implementation(),
            .memory_bytes = network.memory_bytes()};
  }

  absl::Status MakeCases(const ModelParts& parts, const SelfTestInputs& inputs,
                         TaskManifest* manifest) const override {
    if (inputs.texts.empty()) {
      return absl::InvalidArgumentError(
          "self-test: expected at least one text, found none");
    }
    auto& fields = *std::get_if<TranslatorManifest>(manifest);
    fields.self_test.clear();
    for (const std::string& text : inputs.texts) {
      ASSIGN_OR_RETURN(TranslatorManifest::Case test,
                       MakeTranslatorCase(Parts(parts), text));
      fields.self_test.push_back(std::move(test));
    }
    return absl::OkStatus();
  }

  absl::Status RunCases(const ModelParts& parts, const TaskManifest& manifest,
                        double tolerance) const override {
    for (const auto& test : Fields(manifest).self_test) {
      RETURN_IF_ERROR(RunTranslatorCase(Parts(parts), test, tolerance));
    }
    return absl::OkStatus();
  }

  SelfTestInputs DefaultInputs(
      const TaskManifest&,
      absl::Span<const Tokenizer> tokenizers) const override {
    return {.texts = {FirstWords(tokenizers.front().vocabulary())}};
  }

 private:
  static const TranslatorParts& Parts(const ModelParts& parts) {
    return *std::get_if<TranslatorParts>(&parts);
  }
};

}  // namespace

const TaskFormat& TranslatorFormat() {
  static const Format format;
  return format;
}

}  // namespace carousel
