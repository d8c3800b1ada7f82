// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/model.h"

#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/self_test.h"
#include "model/bundle/stored_weights.h"
#include "model/weights/safetensors.h"

namespace carousel {
namespace {

absl::StatusOr<Tokenizer> LoadTokenizer(const std::string& directory,
                                        const Manifest& manifest) {
  const std::string path = JoinPath(directory, kVocabularyFile);
  ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::Load(path));
  if (vocabulary.size() != manifest.sizes.vocabulary) {
    return absl::DataLossError(absl::StrCat(
        path, ": expected ", manifest.sizes.vocabulary,
        " tokens (network.vocabulary), found ", vocabulary.size()));
  }
  return Tokenizer(manifest.tokenizer, std::move(vocabulary));
}

absl::StatusOr<std::unique_ptr<const LanguageModel>> LoadNetwork(
    const std::string& directory, const Manifest& manifest,
    const Vocabulary& vocabulary) {
  absl::StatusOr<std::vector<WeightSpec>> specs = WeightSpecs(manifest.sizes);
  if (!specs.ok()) {
    return Annotate(specs.status(),
                    JoinPath(directory, kManifestFile) + ": network");
  }
  const std::string path = JoinPath(directory, kWeightsFile);
  ASSIGN_OR_RETURN(const auto file, Safetensors::Open(path));
  absl::StatusOr<std::vector<Tensor>> weights =
      MatchWeights(file->tensors(), *specs);
  if (!weights.ok()) {
    return absl::DataLossError(
        absl::StrCat(path, ": ", weights.status().message()));
  }
  return LanguageModel::Create(manifest.sizes, *weights,
                               vocabulary.prefix_order());
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Model>> Model::Load(
    const std::string& directory) {
  ASSIGN_OR_RETURN(Manifest manifest, ReadManifest(directory));
  RETURN_IF_ERROR(CheckFiles(directory, manifest.files));
  ASSIGN_OR_RETURN(Tokenizer tokenizer, LoadTokenizer(directory, manifest));
  ASSIGN_OR_RETURN(auto network,
                   LoadNetwork(directory, manifest, tokenizer.vocabulary()));
  if (absl::Status status = RunSelfTest(*network, tokenizer, manifest);
      !status.ok()) {
    return Annotate(status, directory);
  }
  return absl::WrapUnique(new Model(directory, std::move(manifest),
                                    std::move(tokenizer), std::move(network)));
}

Model::Model(std::string directory, Manifest manifest, Tokenizer tokenizer,
             std::unique_ptr<const LanguageModel> network)
    : directory_(std::move(directory)),
      manifest_(std::move(manifest)),
      tokenizer_(std::move(tokenizer)),
      network_(std::move(network)) {}

}  // namespace carousel
