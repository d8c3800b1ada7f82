// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/writer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/model.h"
#include "model/bundle/stored_weights.h"
#include "model/bundle/task_format.h"
#include "model/weights/safetensors.h"

namespace carousel {
namespace {

namespace fs = std::filesystem;

absl::Status CheckAbsent(const std::string& directory) {
  std::error_code error;
  const auto status = fs::symlink_status(directory, error);
  if (status.type() == fs::file_type::not_found) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      directory, ": expected nothing there, found ",
      status.type() == fs::file_type::directory ? "a directory" : "a file"));
}

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
  ASSIGN_OR_RETURN(const ModelParts parts,
                   format.MakeParts(manifest.model, std::move(copies), stored,
                                    Precision::kF32));
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

absl::Status Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  // Somebody else has made it in the meantime.
  if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) {
    return absl::AlreadyExistsError(
        absl::StrCat(to, ": expected nothing there, found another's"));
  }
  return LastError("rename a bundle to", to);
}

}  // namespace

absl::Status WriteBundle(const std::string& directory,
                         const BundleContent& content) {
  // Without a slash at the end, which would make an empty name.
  fs::path target = fs::absolute(directory).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  RETURN_IF_ERROR(CheckAbsent(target));
  const std::string parent = target.parent_path();
  RETURN_IF_ERROR(MakeDirectories(parent));

  const std::string temporary = JoinPath(
      parent, absl::StrCat(".", target.filename().string(), ".tmp.", getpid()));
  std::error_code ignored;
  fs::remove_all(temporary, ignored);  // of a dead process of the same number
  if (mkdir(temporary.c_str(), 0777) != 0) {
    return LastError("create directory", temporary);
  }
  absl::Cleanup remove = [&] { fs::remove_all(temporary, ignored); };

  RETURN_IF_ERROR(WriteContent(temporary, content));
  RETURN_IF_ERROR(Model::Load(temporary).status());
  RETURN_IF_ERROR(FlushDirectory(temporary));
  RETURN_IF_ERROR(Rename(temporary, target));
  std::move(remove).Cancel();
  return FlushDirectory(parent);
}

}  // namespace carousel
