// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/writer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
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
#include "model/bundle/self_test.h"
#include "model/bundle/stored_weights.h"
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

// The manifest with its self-test, computed from the weights as they are
// stored: rounding to BF16 is part of the model, not an error of the reader.
absl::StatusOr<Manifest> CompleteManifest(const BundleContent& content,
                                          absl::Span<const Tensor> stored) {
  Manifest manifest = content.manifest;
  manifest.format_version = Manifest::kFormatVersion;
  manifest.tokenizer = content.tokenizer->kind();
  const Vocabulary& vocabulary = content.tokenizer->vocabulary();
  if (vocabulary.size() != manifest.sizes.vocabulary) {
    return absl::InvalidArgumentError(absl::StrCat(
        "vocabulary: expected ", manifest.sizes.vocabulary,
        " tokens (network.vocabulary), found ", vocabulary.size()));
  }
  ASSIGN_OR_RETURN(
      const auto network,
      LanguageModel::Create(manifest.sizes, stored, vocabulary.prefix_order()));
  ASSIGN_OR_RETURN(
      manifest.self_test,
      MakeSelfTest(*network, *content.tokenizer, content.self_test_texts));
  return manifest;
}

absl::Status WriteFiles(const std::string& directory,
                        const BundleContent& content) {
  ASSIGN_OR_RETURN(const auto specs, WeightSpecs(content.manifest.sizes));
  const std::vector<Tensor> stored =
      ToStoredTypes(content.weights, content.stored_type);
  // Checks number and shapes of the weights, too.
  ASSIGN_OR_RETURN(Manifest manifest, CompleteManifest(content, stored));

  std::vector<NamedTensor> named;
  for (size_t i = 0; i < specs.size(); ++i) {
    named.push_back({specs[i].name, stored[i]});
  }
  RETURN_IF_ERROR(WriteSafetensors(JoinPath(directory, kWeightsFile), named));
  RETURN_IF_ERROR(
      WriteFileAtomically(JoinPath(directory, kVocabularyFile),
                          content.tokenizer->vocabulary().Serialise()));
  RETURN_IF_ERROR(
      WriteFileAtomically(JoinPath(directory, kCardFile), content.card));

  manifest.files.clear();
  for (const char* name : {kWeightsFile, kVocabularyFile, kCardFile}) {
    ASSIGN_OR_RETURN(manifest.files[name],
                     MakeFileRecord(JoinPath(directory, name)));
  }
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
  CAROUSEL_CHECK(content.tokenizer != nullptr);
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

  RETURN_IF_ERROR(WriteFiles(temporary, content));
  RETURN_IF_ERROR(Model::Load(temporary).status());
  RETURN_IF_ERROR(FlushDirectory(temporary));
  RETURN_IF_ERROR(Rename(temporary, target));
  std::move(remove).Cancel();
  return FlushDirectory(parent);
}

}  // namespace carousel
