// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/manifest_fields.h"
#include "model/bundle/series_scale.h"
#include "model/bundle/stored_weights.h"
#include "model/bundle/task_format.h"
#include "model/bundle/writer.h"
#include "model/weights/safetensors.h"
#include "model/weights/strict_json.h"

namespace carousel {
namespace {

// What an import's manifest says.
struct ImportPlan {
  Manifest manifest;
  std::vector<WeightSpec> specs;
  std::vector<std::string> vocabularies;  // paths, as they stand
  std::string card;                       // path, as it stands; empty: none
  std::map<std::string, std::string> our_names;  // by the file's name
  SelfTestInputs self_test;
};

// The file's names of the weights, turned round. Only weights of this network
// may be renamed: a name that is spelt wrong would be silently without effect.
absl::StatusOr<std::map<std::string, std::string>> ParseNames(
    const JsonField& field, absl::Span<const WeightSpec> specs,
    absl::Span<const TiedWeight> tied) {
  std::set<std::string> known;
  for (const WeightSpec& spec : specs) known.insert(spec.name);
  for (const TiedWeight& weight : tied) known.insert(weight.name);
  std::map<std::string, std::string> names;
  ASSIGN_OR_RETURN(const auto members, field.Members());
  for (const auto& [ours, value] : members) {
    if (known.count(ours) == 0) {
      return value.Expected("the name of a weight on the left");
    }
    ASSIGN_OR_RETURN(const std::string theirs, value.String());
    if (!names.emplace(theirs, ours).second) {
      return value.Expected("a tensor for each weight");
    }
  }
  return names;
}

absl::StatusOr<std::vector<std::string>> ParseTexts(const JsonField& field) {
  std::vector<std::string> texts;
  ASSIGN_OR_RETURN(const auto elements, field.Elements());
  for (const JsonField& element : elements) {
    ASSIGN_OR_RETURN(std::string text, element.String());
    texts.push_back(std::move(text));
  }
  return texts;
}

absl::StatusOr<SelfTestInputs> ParseSelfTestInputs(const JsonField& root) {
  SelfTestInputs inputs;
  if (root.Has("self_test_texts")) {
    ASSIGN_OR_RETURN(const JsonField texts, root.Get("self_test_texts"));
    ASSIGN_OR_RETURN(inputs.texts, ParseTexts(texts));
  }
  if (root.Has("self_test_windows")) {
    ASSIGN_OR_RETURN(const JsonField windows, root.Get("self_test_windows"));
    ASSIGN_OR_RETURN(const auto elements, windows.Elements());
    for (const JsonField& element : elements) {
      ASSIGN_OR_RETURN(SeriesTable table, ParseSeries(element));
      inputs.windows.push_back(std::move(table.values));
    }
  }
  return inputs;
}

absl::StatusOr<ImportPlan> ParsePlan(absl::string_view json) {
  ASSIGN_OR_RETURN(const nlohmann::json document, ParseStrictJson(json));
  const JsonField root(document, "");
  ImportPlan plan;
  ASSIGN_OR_RETURN(plan.manifest, ParseModelFields(root));
  const TaskFormat& format = FormatOf(plan.manifest.task());
  ASSIGN_OR_RETURN(plan.specs, format.Specs(plan.manifest.model));
  // There is no data to measure int8 on; bf16 rarely costs anything.
  if (!root.Has("precisions") && format.Precisions(plan.manifest.model).bf16) {
    plan.manifest.precisions[Precision::kBF16] = {};
  }
  for (const auto& file : format.Vocabularies(plan.manifest.model)) {
    ASSIGN_OR_RETURN(const JsonField path, root.Get(file.import_field));
    ASSIGN_OR_RETURN(plan.vocabularies.emplace_back(), path.String());
  }
  if (root.Has("card")) {
    ASSIGN_OR_RETURN(const JsonField card, root.Get("card"));
    ASSIGN_OR_RETURN(plan.card, card.String());
  }
  if (root.Has("tensors")) {
    ASSIGN_OR_RETURN(const JsonField tensors, root.Get("tensors"));
    ASSIGN_OR_RETURN(plan.our_names,
                     ParseNames(tensors, plan.specs,
                                format.TiedWeights(plan.manifest.model)));
  }
  ASSIGN_OR_RETURN(plan.self_test, ParseSelfTestInputs(root));
  return plan;
}

// `path` as seen from the manifest's folder.
std::string Beside(const std::string& manifest_path, const std::string& path) {
  return std::filesystem::path(manifest_path).parent_path() / path;
}

// Takes a tied matrix out of `tensors`: PyTorch saves it though it is another
// one. It must be its equal, bit by bit.
absl::Status DropTied(const TiedWeight& tied,
                      std::vector<NamedTensor>& tensors) {
  const auto find = [&](absl::string_view name) {
    return std::find_if(tensors.begin(), tensors.end(),
                        [&](const NamedTensor& t) { return t.name == name; });
  };
  const auto copy = find(tied.name);
  const auto original = find(tied.original);
  if (copy == tensors.end() || original == tensors.end()) {
    return absl::OkStatus();
  }
  const Tensor& a = copy->tensor;
  const Tensor& b = original->tensor;
  if (a.dtype() != b.dtype() || a.shape() != b.shape() ||
      std::memcmp(a.raw(), b.raw(), a.size_bytes()) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor \"", tied.name, "\": expected it equal to \"", tied.original,
        "\", since ", tied.field, " is true, found another matrix"));
  }
  tensors.erase(copy);
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
  const TaskFormat& format = FormatOf(plan.manifest.task());
  for (const TiedWeight& tied : format.TiedWeights(plan.manifest.model)) {
    const absl::Status status = DropTied(tied, tensors);
    if (!status.ok()) return Annotate(status, path);
  }
  absl::StatusOr<std::vector<Tensor>> weights =
      MatchWeights(tensors, plan.specs);
  if (!weights.ok()) return Annotate(weights.status(), path);
  return weights;
}

absl::StatusOr<std::vector<Tokenizer>> LoadTokenizers(
    const std::string& manifest_path, const ImportPlan& plan) {
  const std::vector<VocabularyFile> files =
      FormatOf(plan.manifest.task()).Vocabularies(plan.manifest.model);
  std::vector<Tokenizer> tokenizers;
  for (size_t i = 0; i < files.size(); ++i) {
    ASSIGN_OR_RETURN(
        Tokenizer tokenizer,
        Tokenizer::Load(files[i].kind,
                        Beside(manifest_path, plan.vocabularies[i])));
    tokenizers.push_back(std::move(tokenizer));
  }
  return tokenizers;
}

}  // namespace

absl::Status ImportPyTorch(const std::string& weights_path,
                           const std::string& manifest_path,
                           const std::string& directory) {
  ASSIGN_OR_RETURN(const std::string json,
                   ReadFile(manifest_path, kMaxManifestBytes));
  absl::StatusOr<ImportPlan> plan = ParsePlan(json);
  if (!plan.ok()) return Annotate(plan.status(), manifest_path);

  ASSIGN_OR_RETURN(const std::vector<Tokenizer> tokenizers,
                   LoadTokenizers(manifest_path, *plan));
  SelfTestInputs inputs = plan->self_test;
  if (inputs.texts.empty() && inputs.windows.empty()) {
    inputs = FormatOf(plan->manifest.task())
                 .DefaultInputs(plan->manifest.model, tokenizers);
  }

  BundleContent content;
  content.manifest = plan->manifest;
  if (!tokenizers.empty()) content.tokenizer = &tokenizers.front();
  if (tokenizers.size() > 1) content.target_tokenizer = &tokenizers[1];
  ASSIGN_OR_RETURN(content.weights, TakeWeights(weights_path, *plan));
  content.stored_type = content.weights.front().dtype();
  content.self_test_texts = std::move(inputs.texts);
  content.self_test_windows = std::move(inputs.windows);
  content.card = "# An imported model\n\nImported from PyTorch weights.\n";
  if (!plan->card.empty()) {
    ASSIGN_OR_RETURN(content.card, ReadFile(Beside(manifest_path, plan->card)));
  }
  return WriteBundle(directory, content);
}

}  // namespace carousel
