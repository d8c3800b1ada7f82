// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_directory.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/writer.h"

namespace carousel {
namespace {

absl::Status CopyFile(const std::string& from, const std::string& to) {
  ASSIGN_OR_RETURN(const auto file, MappedFile::Open(from));
  return WriteFileAtomically(to, file->content());
}

// The card of the source, if it has one, and what is to be added.
absl::StatusOr<std::string> CardOf(const MeasuredBundle& bundle,
                                   const Manifest& manifest) {
  if (!manifest.files.contains(kCardFile)) return bundle.card_section;
  ASSIGN_OR_RETURN(const std::string card,
                   ReadFile(JoinPath(bundle.source, kCardFile)));
  return absl::StrCat(card, "\n", bundle.card_section);
}

absl::Status WriteFiles(const std::string& directory,
                        const MeasuredBundle& bundle) {
  ASSIGN_OR_RETURN(Manifest manifest, ReadManifest(bundle.source));
  for (const auto& [name, record] : manifest.files) {
    if (name == kCardFile) continue;
    RETURN_IF_ERROR(
        CopyFile(JoinPath(bundle.source, name), JoinPath(directory, name)));
  }
  ASSIGN_OR_RETURN(const std::string card, CardOf(bundle, manifest));
  const std::string card_path = JoinPath(directory, kCardFile);
  RETURN_IF_ERROR(WriteFileAtomically(card_path, card));
  ASSIGN_OR_RETURN(manifest.files[kCardFile], MakeFileRecord(card_path));
  manifest.precisions = {{bundle.precision, bundle.record}};
  return WriteFileAtomically(JoinPath(directory, kManifestFile),
                             SerialiseManifest(manifest));
}

}  // namespace

absl::Status WriteMeasuredBundle(const std::string& directory,
                                 const MeasuredBundle& bundle) {
  return MakeBundleDirectory(
      directory, {.precision = bundle.precision, .force = bundle.force},
      [&](const std::string& neighbour) {
        return WriteFiles(neighbour, bundle);
      });
}

}  // namespace carousel
