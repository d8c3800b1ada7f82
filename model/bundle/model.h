// SPDX-License-Identifier: Apache-2.0
//
// A bundle's directory, loaded: the immutable model that everything else uses.

#ifndef CAROUSEL_MODEL_BUNDLE_MODEL_H_
#define CAROUSEL_MODEL_BUNDLE_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/bundle/manifest.h"
#include "model/bundle/model_parts.h"
#include "model/bundle/precision_choice.h"
#include "model/layers/language_model.h"
#include "model/onednn/precision.h"
#include "model/text/tokenizer.h"

namespace carousel {

// How a network runs.
struct NetworkFacts {
  std::string implementation;  // which kernels, e.g. "lstm own:avx512_core"
  size_t memory_bytes = 0;
};

struct LoadOptions {
  // In what the large products are computed. None: as the bundle is meant, as
  // far as the CPU can (precision_choice.h).
  std::optional<Precision> precision = {};

  // Loads it also where its record says that the precision costs more than the
  // limits, or where the self-test is missed in bf16 or int8: the note says so.
  bool force = false;

  // Most bytes for a table of a language model's first layer, which saves a
  // product in every step (ServingLayout). 0: none. What is measured has by
  // default what is served.
  size_t max_table_bytes = size_t{128} << 20;
};

// Immutable, so thread-safe. Shared by whoever uses it; the last one frees it.
class Model {
 public:
  // Loads the bundle in `directory` (.../NAME/VERSION) and checks it: manifest,
  // files and their SHA-256, vocabulary, names, types and shapes of the
  // weights, and the golden self-test, with the tolerance of the precision.
  // Blocks; takes as long as reading and reordering the weights.
  //
  // NOT_FOUND: no such directory, or a file is missing. DATA_LOSS: a file is
  // not what the manifest says, or the self-test fails. INVALID_ARGUMENT: the
  // manifest does not make a model, or is of a newer format.
  // FAILED_PRECONDITION: a file is too large to be one of a bundle; the network
  // or the CPU lacks the precision that is asked for; or its loss is recorded
  // and beyond the limits. INTERNAL: oneDNN refuses.
  static absl::StatusOr<std::shared_ptr<const Model>> Load(
      const std::string& directory, const LoadOptions& options = {});

  const std::string& directory() const { return directory_; }
  const Manifest& manifest() const { return manifest_; }
  Task task() const { return manifest_.task(); }

  // Numbers in all weights, bytes held, and which kernels run.
  int64_t parameters() const { return parameters_; }
  size_t memory_bytes() const { return facts_.memory_bytes; }
  const std::string& implementation() const { return facts_.implementation; }

  // In what it runs, and a line for people: what that costs, or why it is not
  // what the bundle is meant for. Empty: there is nothing to say.
  Precision precision() const { return precision_.precision; }
  const std::string& precision_note() const { return precision_.note; }

  // REQUIRES (these three): the task is kLanguageModel; the tokenizer is also a
  // kClassifier's. Output row r of the network belongs to
  // vocabulary().id_at(r): the logits are in prefix order.
  const Tokenizer& tokenizer() const;
  const LanguageModel& network() const { return *language_model().network; }
  const LanguageModelParts& language_model() const;

  // REQUIRES: the task is theirs.
  const ClassifierParts& classifier() const;
  const TranslatorParts& translator() const;
  const ForecasterParts& forecaster() const;

  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

 private:
  Model(std::string directory, Manifest manifest, PrecisionChoice precision,
        ModelParts parts);

  const std::string directory_;
  const Manifest manifest_;
  const PrecisionChoice precision_;
  const ModelParts parts_;
  const NetworkFacts facts_;
  const int64_t parameters_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_MODEL_H_
