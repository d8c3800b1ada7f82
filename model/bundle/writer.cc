// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/writer.h"

#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_directory.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/stored_weights.h"
#include "model/bundle/task_format.h"
#include "model/weights/safetensors.h"

namespace carousel {
namespace {

// Pointers to the tokenizers that `files` are of, in their order.
absl::StatusOr<std::vector<const Tokenizer*>> CheckTokenizers(
    const BundleContent& content, absl::Span<const VocabularyFile> files) {
  const Tokenizer* const given[] = {content.tokenizer,
                                    content.target_tokenizer};
  CAROUSEL_CHECK(files.size() <= std::size(given));
  std::vector<const Tokenizer*> tokenizers;
  for (size_t i = 0; i < files.size(); ++i) {
    CAROUSEL_CHECK(given[i] != nullptr);
    if (given[i]->kind() != files[i].kind) {
      return absl::InvalidArgumentError(
          absl::StrCat(files[i].tokenizer_field, ".kind: expected \"",
                       TokenizerKindName(given[i]->kind()), "\", found \"",
                       TokenizerKindName(files[i].kind), "\""));
    }
    const int size = given[i]->vocabulary().size();
    if (size != files[i].size) {
      return absl::InvalidArgumentError(
          absl::StrCat("vocabulary: expected ", files[i].size, " tokens (",
                       files[i].size_field, "), found ", size));
    }
    tokenizers.push_back(given[i]);
  }
  return tokenizers;
}

// The manifest with its self-test, computed from the weights as they are
// stored: rounding to BF16 is part of the model, not an error of the reader.
absl::StatusOr<Manifest> CompleteManifest(
    const BundleContent& content, absl::Span<const Tensor> stored,
    absl::Span<const Tokenizer* const> tokenizers) {
  Manifest manifest = content.manifest;
  manifest.format_version = Manifest::kFormatVersion;
  const TaskFormat& format = FormatOf(manifest.task());
  std::vector<Tokenizer> copies;
  for (const Tokenizer* tokenizer : tokenizers) copies.push_back(*tokenizer);
  ASSIGN_OR_RETURN(
      const ModelParts parts,
      format.MakeParts(manifest.model, std::move(copies), stored, {}));
  RETURN_IF_ERROR(format.MakeCases(
      parts, {content.self_test_texts, content.self_test_windows},
      &manifest.model));
  return manifest;
}

// Everything but manifest.json.
absl::StatusOr<std::map<std::string, FileRecord>> WriteFiles(
    const std::string& directory, const BundleContent& content,
    absl::Span<const NamedTensor> weights,
    absl::Span<const VocabularyFile> vocabularies,
    absl::Span<const Tokenizer* const> tokenizers) {
  std::vector<std::string> names = {kWeightsFile, kCardFile};
  RETURN_IF_ERROR(WriteSafetensors(JoinPath(directory, kWeightsFile), weights));
  for (size_t i = 0; i < vocabularies.size(); ++i) {
    names.push_back(vocabularies[i].name);
    RETURN_IF_ERROR(WriteFileAtomically(
        JoinPath(directory, vocabularies[i].name), tokenizers[i]->Serialise()));
  }
  RETURN_IF_ERROR(
      WriteFileAtomically(JoinPath(directory, kCardFile), content.card));
  if (content.quantiles.has_value()) {
    names.push_back(kQuantilesFile);
    RETURN_IF_ERROR(WriteResidualQuantiles(JoinPath(directory, kQuantilesFile),
                                           *content.quantiles));
  }
  std::map<std::string, FileRecord> records;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(records[name], MakeFileRecord(JoinPath(directory, name)));
  }
  return records;
}

absl::Status WriteContent(const std::string& directory,
                          const BundleContent& content) {
  const TaskManifest& model = content.manifest.model;
  const TaskFormat& format = FormatOf(content.manifest.task());
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs, format.Specs(model));
  const std::vector<VocabularyFile> vocabularies = format.Vocabularies(model);
  ASSIGN_OR_RETURN(const std::vector<const Tokenizer*> tokenizers,
                   CheckTokenizers(content, vocabularies));
  const std::vector<Tensor> stored =
      ToStoredTypes(content.weights, content.stored_type);
  // Checks number and shapes of the weights, too.
  ASSIGN_OR_RETURN(Manifest manifest,
                   CompleteManifest(content, stored, tokenizers));
  std::vector<NamedTensor> named;
  for (size_t i = 0; i < specs.size(); ++i) {
    named.push_back({specs[i].name, stored[i]});
  }
  ASSIGN_OR_RETURN(manifest.files, WriteFiles(directory, content, named,
                                              vocabularies, tokenizers));
  return WriteFileAtomically(JoinPath(directory, kManifestFile),
                             SerialiseManifest(manifest));
}

}  // namespace

absl::Status WriteBundle(const std::string& directory,
                         const BundleContent& content) {
  return MakeBundleDirectory(directory, {}, [&](const std::string& neighbour) {
    return WriteContent(neighbour, content);
  });
}

}  // namespace carousel
