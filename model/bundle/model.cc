// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/model.h"

#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/stored_weights.h"
#include "model/bundle/task_format.h"
#include "model/weights/safetensors.h"

namespace carousel {
namespace {

absl::StatusOr<Tokenizer> LoadTokenizer(const std::string& directory,
                                        const VocabularyFile& file) {
  const std::string path = JoinPath(directory, file.name);
  absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Load(file.kind, path);
  // The file is what its checksum says, but no vocabulary.
  if (absl::IsInvalidArgument(tokenizer.status())) {
    return absl::DataLossError(tokenizer.status().message());
  }
  RETURN_IF_ERROR(tokenizer.status());
  const int size = tokenizer->vocabulary().size();
  if (size != file.size) {
    return absl::DataLossError(absl::StrCat(path, ": expected ", file.size,
                                            " tokens (", file.size_field,
                                            "), found ", size));
  }
  return tokenizer;
}

absl::StatusOr<std::vector<Tensor>> LoadWeights(
    const std::string& directory, absl::Span<const WeightSpec> specs) {
  const std::string path = JoinPath(directory, kWeightsFile);
  ASSIGN_OR_RETURN(const auto file, Safetensors::Open(path));
  absl::StatusOr<std::vector<Tensor>> weights =
      MatchWeights(file->tensors(), specs);
  if (!weights.ok()) {
    return absl::DataLossError(
        absl::StrCat(path, ": ", weights.status().message()));
  }
  return weights;
}

absl::StatusOr<ModelParts> LoadParts(const std::string& directory,
                                     const Manifest& manifest,
                                     const PartsOptions& options) {
  const TaskFormat& format = FormatOf(manifest.task());
  std::vector<Tokenizer> tokenizers;
  for (const VocabularyFile& file : format.Vocabularies(manifest.model)) {
    ASSIGN_OR_RETURN(Tokenizer tokenizer, LoadTokenizer(directory, file));
    tokenizers.push_back(std::move(tokenizer));
  }
  const absl::StatusOr<std::vector<WeightSpec>> specs =
      format.Specs(manifest.model);
  if (!specs.ok()) {
    return Annotate(specs.status(),
                    JoinPath(directory, kManifestFile) + ": network");
  }
  ASSIGN_OR_RETURN(const std::vector<Tensor> weights,
                   LoadWeights(directory, *specs));
  ASSIGN_OR_RETURN(ModelParts parts,
                   format.MakeParts(manifest.model, std::move(tokenizers),
                                    weights, options));
  RETURN_IF_ERROR(format.LoadExtras(directory, manifest, &parts));
  return parts;
}

// A forced model that misses the self-test has a note instead of an error.
absl::Status RunSelfTest(const Manifest& manifest, const ModelParts& parts,
                         bool force, PrecisionChoice* precision) {
  const absl::Status status =
      FormatOf(manifest.task())
          .RunCases(parts, manifest.model,
                    manifest.ToleranceIn(precision->precision));
  if (status.ok() || precision->precision == Precision::kF32) return status;
  const std::string in_precision = absl::StrCat(
      "in ", PrecisionName(precision->precision), ": ", status.message());
  if (!force || !absl::IsDataLoss(status)) {
    return absl::Status(status.code(), in_precision);
  }
  absl::StrAppend(&precision->note, "; ", in_precision);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Model>> Model::Load(
    const std::string& directory, const LoadOptions& options) {
  ASSIGN_OR_RETURN(Manifest manifest, ReadManifest(directory));
  absl::StatusOr<PrecisionChoice> precision = ChoosePrecision(
      {.records = manifest.precisions,
       .network = FormatOf(manifest.task()).Precisions(manifest.model),
       .cpu = CpuPrecisions(),
       .wanted = options.precision,
       .force = options.force});
  if (!precision.ok()) return Annotate(precision.status(), directory);
  RETURN_IF_ERROR(CheckFiles(directory, manifest.files));
  ASSIGN_OR_RETURN(ModelParts parts,
                   LoadParts(directory, manifest,
                             {.precision = precision->precision,
                              .max_table_bytes = options.max_table_bytes}));
  const absl::Status status =
      RunSelfTest(manifest, parts, options.force, &*precision);
  if (!status.ok()) return Annotate(status, directory);
  return absl::WrapUnique(new Model(directory, std::move(manifest),
                                    *std::move(precision), std::move(parts)));
}

Model::Model(std::string directory, Manifest manifest,
             PrecisionChoice precision, ModelParts parts)
    : directory_(std::move(directory)),
      manifest_(std::move(manifest)),
      precision_(std::move(precision)),
      parts_(std::move(parts)),
      facts_(FormatOf(manifest_.task()).Facts(parts_)),
      parameters_(
          CountParameters(*FormatOf(manifest_.task()).Specs(manifest_.model))) {
}

const Tokenizer& Model::tokenizer() const {
  return task() == Task::kClassifier ? classifier().tokenizer
                                     : language_model().tokenizer;
}

const LanguageModelParts& Model::language_model() const {
  CAROUSEL_CHECK(task() == Task::kLanguageModel);
  return *std::get_if<LanguageModelParts>(&parts_);
}

const ClassifierParts& Model::classifier() const {
  CAROUSEL_CHECK(task() == Task::kClassifier);
  return *std::get_if<ClassifierParts>(&parts_);
}

const TranslatorParts& Model::translator() const {
  CAROUSEL_CHECK(task() == Task::kTranslator);
  return *std::get_if<TranslatorParts>(&parts_);
}

const ForecasterParts& Model::forecaster() const {
  CAROUSEL_CHECK(task() == Task::kForecaster);
  return *std::get_if<ForecasterParts>(&parts_);
}

}  // namespace carousel
