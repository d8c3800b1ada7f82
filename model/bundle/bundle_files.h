// SPDX-License-Identifier: Apache-2.0
//
// The files of a bundle, as files: names, sizes, checksums.

#ifndef CAROUSEL_MODEL_BUNDLE_BUNDLE_FILES_H_
#define CAROUSEL_MODEL_BUNDLE_BUNDLE_FILES_H_

#include <cstddef>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/bundle/manifest.h"

namespace carousel {

// Of a bundle's or an import's manifest. More than the JSON values that a
// manifest may have (weights/strict_json.h) usually take.
inline constexpr size_t kMaxManifestBytes = size_t{64} << 20;

inline constexpr char kManifestFile[] = "manifest.json";
inline constexpr char kWeightsFile[] = "weights.safetensors";
inline constexpr char kVocabularyFile[] = "vocabulary.txt";
inline constexpr char kSourceVocabularyFile[] = "source_vocabulary.txt";
inline constexpr char kTargetVocabularyFile[] = "target_vocabulary.txt";
inline constexpr char kQuantilesFile[] = "residual_quantiles.safetensors";
inline constexpr char kCardFile[] = "CARD.md";

// The manifest in `directory`. Errors name the path.
absl::StatusOr<Manifest> ReadManifest(const std::string& directory);

// Checks that every file is in `directory`, with its size and SHA-256. Links
// are followed (Kubernetes mounts volumes through them) as long as they stay in
// the directory. NOT_FOUND or DATA_LOSS naming the file, expected and found.
absl::Status CheckFiles(const std::string& directory,
                        const std::map<std::string, FileRecord>& files);

// The record of a file.
absl::StatusOr<FileRecord> MakeFileRecord(const std::string& path);

// `status` with `context` in front of its message.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_BUNDLE_FILES_H_
