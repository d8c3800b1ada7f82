// SPDX-License-Identifier: Apache-2.0
//
// A bundle's directory, loaded: the immutable model that everything else uses.

#ifndef CAROUSEL_MODEL_BUNDLE_MODEL_H_
#define CAROUSEL_MODEL_BUNDLE_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/bundle/manifest.h"
#include "model/layers/language_model.h"
#include "model/text/tokenizer.h"

namespace carousel {

// Immutable, so thread-safe. Shared by whoever uses it; the last one frees it.
class Model {
 public:
  // Loads the bundle in `directory` (.../NAME/VERSION) and checks it: manifest,
  // files and their SHA-256, vocabulary, names, types and shapes of the
  // weights, and the golden self-test. Blocks; takes as long as reading and
  // reordering the weights.
  //
  // NOT_FOUND: no such directory, or a file is missing. DATA_LOSS: a file is
  // not what the manifest says, or the self-test fails. INVALID_ARGUMENT: the
  // manifest does not make a model, or is of a newer format.
  static absl::StatusOr<std::shared_ptr<const Model>> Load(
      const std::string& directory);

  const std::string& directory() const { return directory_; }
  const Manifest& manifest() const { return manifest_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }

  // Output row r of the network belongs to vocabulary().id_at(r): the logits
  // are in prefix order.
  const LanguageModel& network() const { return *network_; }

  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

 private:
  Model(std::string directory, Manifest manifest, Tokenizer tokenizer,
        std::unique_ptr<const LanguageModel> network);

  const std::string directory_;
  const Manifest manifest_;
  const Tokenizer tokenizer_;
  const std::unique_ptr<const LanguageModel> network_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_MODEL_H_
