// SPDX-License-Identifier: Apache-2.0
//
// What sets the bundles of one task apart from those of another: fields of the
// manifest, vocabularies, network, self-test. Each task has one file that
// implements it, NAME_format.cc; everything else in this folder is common.

#ifndef CAROUSEL_MODEL_BUNDLE_TASK_FORMAT_H_
#define CAROUSEL_MODEL_BUNDLE_TASK_FORMAT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/bundle/manifest.h"
#include "model/bundle/model.h"
#include "model/bundle/model_parts.h"
#include "model/bundle/precision_choice.h"
#include "model/layers/weight_specs.h"
#include "model/tensor/tensor.h"
#include "model/weights/strict_json.h"

namespace carousel {

// A vocabulary among the files of a bundle.
struct VocabularyFile {
  const char* name;             // in the bundle
  const char* tokenizer_field;  // of the manifest; its "vocabulary" is `name`
  const char* import_field;     // of an import's manifest: where it lies
  TokenizerKind kind;
  int size;                // tokens in it
  const char* size_field;  // of the manifest, for messages
};

// What the cases of a self-test are made from.
struct SelfTestInputs {
  std::vector<std::string> texts = {};
  std::vector<std::vector<float>> windows = {};  // (window, series) each
};

// A weight that PyTorch's state_dict lists though it is another one.
struct TiedWeight {
  std::string name;
  std::string original;
  const char* field;  // of the manifest that says so, for messages
};

// How a network is laid out.
struct PartsOptions {
  Precision precision = Precision::kF32;
  size_t max_table_bytes = 0;  // of a language model, see LoadOptions
};

// Stateless, so thread-safe. A TaskManifest or ModelParts that is handed in is
// one of this task.
class TaskFormat {
 public:
  virtual ~TaskFormat() = default;

  // The fields that a person writes, as in an import's manifest.
  // INVALID_ARGUMENT (all that parse) naming the field, expected and found.
  virtual absl::StatusOr<TaskManifest> ParseFields(
      const JsonField& root) const = 0;
  // Adds a case of the self-test.
  virtual absl::Status ParseCase(const JsonField& field,
                                 TaskManifest* manifest) const = 0;
  // Appends to a manifest what the two above read.
  virtual void AddFields(const TaskManifest& manifest,
                         nlohmann::ordered_json* document) const = 0;
  virtual nlohmann::ordered_json CasesJson(
      const TaskManifest& manifest) const = 0;

  // In the order of the tokenizers that MakeParts takes.
  virtual std::vector<VocabularyFile> Vocabularies(
      const TaskManifest& manifest) const = 0;

  // INVALID_ARGUMENT if the sizes do not make a network.
  virtual absl::StatusOr<std::vector<WeightSpec>> Specs(
      const TaskManifest& manifest) const = 0;
  virtual std::vector<TiedWeight> TiedWeights(const TaskManifest&) const {
    return {};
  }

  // What the network can run in besides f32.
  virtual PrecisionSupport Precisions(const TaskManifest&) const { return {}; }
  // The network, of `weights` in the order of Specs. REQUIRES: the tokenizers
  // are those of Vocabularies; the precision is f32 or one of Precisions, and
  // the CPU has it.
  virtual absl::StatusOr<ModelParts> MakeParts(
      const TaskManifest& manifest, std::vector<Tokenizer> tokenizers,
      absl::Span<const Tensor> weights, const PartsOptions& options) const = 0;

  // Adds to the parts what a bundle may do without. Its files are those of
  // `manifest` and as their checksums say. DATA_LOSS naming the file.
  virtual absl::Status LoadExtras(const std::string& /*directory*/,
                                  const Manifest& /*manifest*/,
                                  ModelParts* /*parts*/) const {
    return absl::OkStatus();
  }

  virtual NetworkFacts Facts(const ModelParts& parts) const = 0;

  // Fills in the self-test of `manifest` with what the network answers.
  // INVALID_ARGUMENT: no input, or one without a finite answer.
  virtual absl::Status MakeCases(const ModelParts& parts,
                                 const SelfTestInputs& inputs,
                                 TaskManifest* manifest) const = 0;
  // DATA_LOSS naming input, expected and found unless every case comes out as
  // it is written, within `tolerance`.
  virtual absl::Status RunCases(const ModelParts& parts,
                                const TaskManifest& manifest,
                                double tolerance) const = 0;
  // For an import that names none.
  virtual SelfTestInputs DefaultInputs(
      const TaskManifest& manifest,
      absl::Span<const Tokenizer> tokenizers) const = 0;
};

// One for each task; live as long as the process.
const TaskFormat& LanguageModelFormat();
const TaskFormat& ClassifierFormat();
const TaskFormat& TranslatorFormat();
const TaskFormat& ForecasterFormat();
const TaskFormat& FormatOf(Task task);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_TASK_FORMAT_H_
