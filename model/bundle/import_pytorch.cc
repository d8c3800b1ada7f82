// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/manifest_fields.h"
#include "model/bundle/stored_weights.h"
#include "model/bundle/writer.h"
#include "model/weights/safetensors.h"
#include "model/weights/strict_json.h"

namespace carousel {
namespace {

constexpr size_t kMaxManifestBytes = size_t{16} << 20;
constexpr char kOutputWeight[] = "output.weight";

// What an import's manifest says.
struct ImportPlan {
  Manifest manifest;
  std::string vocabulary;  // path, as it stands
  std::string card;        // path, as it stands; empty: none
  std::map<std::string, std::string> our_names;  // by the file's name
  std::vector<std::string> self_test_texts;
};

// The file's names of the weights, turned round. Only weights of this network
// may be renamed: a name that is spelt wrong would be silently without effect.
absl::StatusOr<std::map<std::string, std::string>> ParseNames(
    const JsonField& field, const LanguageModelSizes& sizes) {
  ASSIGN_OR_RETURN(const auto specs, WeightSpecs(sizes));
  std::map<std::string, std::string> names;
  ASSIGN_OR_RETURN(const auto members, field.Members());
  for (const auto& [ours, value] : members) {
    const auto is_ours = [&name = ours](const WeightSpec& spec) {
      return spec.name == name;
    };
    const bool known = ours == kOutputWeight ||
                       std::any_of(specs.begin(), specs.end(), is_ours);
    if (!known) return value.Expected("the name of a weight on the left");
    ASSIGN_OR_RETURN(const std::string theirs, value.String());
    if (!names.emplace(theirs, ours).second) {
      return value.Expected("a tensor for each weight");
    }
  }
  return names;
}

absl::StatusOr<ImportPlan> ParsePlan(absl::string_view json) {
  ASSIGN_OR_RETURN(const nlohmann::json document, ParseStrictJson(json));
  const JsonField root(document, "");
  ImportPlan plan;
  ASSIGN_OR_RETURN(plan.manifest, ParseModelFields(root));
  ASSIGN_OR_RETURN(const JsonField vocabulary, root.Get("vocabulary"));
  ASSIGN_OR_RETURN(plan.vocabulary, vocabulary.String());
  if (root.Has("card")) {
    ASSIGN_OR_RETURN(const JsonField card, root.Get("card"));
    ASSIGN_OR_RETURN(plan.card, card.String());
  }
  if (root.Has("tensors")) {
    ASSIGN_OR_RETURN(const JsonField tensors, root.Get("tensors"));
    ASSIGN_OR_RETURN(plan.our_names, ParseNames(tensors, plan.manifest.sizes));
  }
  if (root.Has("self_test_texts")) {
    ASSIGN_OR_RETURN(const JsonField texts, root.Get("self_test_texts"));
    ASSIGN_OR_RETURN(const auto elements, texts.Elements());
    for (const JsonField& element : elements) {
      ASSIGN_OR_RETURN(std::string text, element.String());
      plan.self_test_texts.push_back(std::move(text));
    }
  }
  return plan;
}

// `path` as seen from the manifest's folder.
std::string Beside(const std::string& manifest_path, const std::string& path) {
  return std::filesystem::path(manifest_path).parent_path() / path;
}

// Takes the output matrix of a tied model out of `tensors`: PyTorch saves it
// though it is the embedding. It must be its equal, bit by bit.
absl::Status DropTiedOutput(std::vector<NamedTensor>& tensors) {
  const auto find = [&](absl::string_view name) {
    return std::find_if(tensors.begin(), tensors.end(),
                        [&](const NamedTensor& t) { return t.name == name; });
  };
  const auto output = find(kOutputWeight);
  const auto embedding = find("embedding.weight");
  if (output == tensors.end() || embedding == tensors.end()) {
    return absl::OkStatus();
  }
  const Tensor& a = output->tensor;
  const Tensor& b = embedding->tensor;
  if (a.dtype() != b.dtype() || a.shape() != b.shape() ||
      std::memcmp(a.raw(), b.raw(), a.size_bytes()) != 0) {
    return absl::InvalidArgumentError(
        "tensor \"output.weight\": expected it equal to \"embedding.weight\", "
        "since network.tied is true, found another matrix");
  }
  tensors.erase(output);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Tensor>> TakeWeights(const std::string& path,
                                                const ImportPlan& plan) {
  ASSIGN_OR_RETURN(const auto file, Safetensors::Open(path));
  std::vector<NamedTensor> tensors = file->tensors();
  for (const auto& [theirs, ours] : plan.our_names) {
    RETURN_IF_ERROR(file->Get(theirs).status());
  }
  for (NamedTensor& named : tensors) {
    const auto ours = plan.our_names.find(named.name);
    if (ours != plan.our_names.end()) named.name = ours->second;
  }
  absl::Status status = absl::OkStatus();
  if (plan.manifest.sizes.tied) status = DropTiedOutput(tensors);
  if (!status.ok()) return Annotate(status, path);
  ASSIGN_OR_RETURN(const auto specs, WeightSpecs(plan.manifest.sizes));
  absl::StatusOr<std::vector<Tensor>> weights = MatchWeights(tensors, specs);
  if (!weights.ok()) return Annotate(weights.status(), path);
  return weights;
}

// The start of a line, and a few words, so that the recurrence is tested.
std::vector<std::string> DefaultTexts(const Vocabulary& vocabulary) {
  constexpr int kWords = 8;
  const int special = static_cast<int>(Vocabulary::SpecialTokens().size());
  std::string words;
  for (int id = special; id < std::min(special + kWords, vocabulary.size());
       ++id) {
    absl::StrAppend(&words, words.empty() ? "" : " ", vocabulary.token(id));
  }
  return {"", words};
}

}  // namespace

absl::Status ImportPyTorch(const std::string& weights_path,
                           const std::string& manifest_path,
                           const std::string& directory) {
  ASSIGN_OR_RETURN(const std::string json,
                   ReadFile(manifest_path, kMaxManifestBytes));
  absl::StatusOr<ImportPlan> plan = ParsePlan(json);
  if (!plan.ok()) return Annotate(plan.status(), manifest_path);

  ASSIGN_OR_RETURN(Vocabulary vocabulary,
                   Vocabulary::Load(Beside(manifest_path, plan->vocabulary)));
  const Tokenizer tokenizer(plan->manifest.tokenizer, std::move(vocabulary));

  BundleContent content;
  content.manifest = plan->manifest;
  content.tokenizer = &tokenizer;
  ASSIGN_OR_RETURN(content.weights, TakeWeights(weights_path, *plan));
  content.stored_type = content.weights.front().dtype();
  content.self_test_texts = plan->self_test_texts.empty()
                                ? DefaultTexts(tokenizer.vocabulary())
                                : plan->self_test_texts;
  content.card = "# An imported model\n\nImported from PyTorch weights.\n";
  if (!plan->card.empty()) {
    ASSIGN_OR_RETURN(content.card, ReadFile(Beside(manifest_path, plan->card)));
  }
  return WriteBundle(directory, content);
}

}  // namespace carousel
