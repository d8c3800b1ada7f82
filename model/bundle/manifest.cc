// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/manifest.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/manifest_fields.h"
#include "model/bundle/task_format.h"
#include "model/weights/strict_json.h"

namespace carousel {
namespace {

using nlohmann::ordered_json;

// A name, and nothing that leads elsewhere.
bool IsPlainFileName(absl::string_view name) {
  return !name.empty() && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isgraph(c) && c != '/' && c != '\\';
         });
}

absl::StatusOr<FileRecord> ParseFileRecord(const JsonField& field) {
  FileRecord record;
  ASSIGN_OR_RETURN(record.sha256, ParseSha256(field));
  ASSIGN_OR_RETURN(const JsonField bytes, field.Get("bytes"));
  ASSIGN_OR_RETURN(record.size_bytes, bytes.Integer(0, INT64_MAX));
  return record;
}

absl::StatusOr<std::map<std::string, FileRecord>> ParseFiles(
    const JsonField& field, absl::Span<const VocabularyFile> vocabularies) {
  std::map<std::string, FileRecord> files;
  ASSIGN_OR_RETURN(const auto members, field.Members());
  for (const auto& [name, value] : members) {
    if (!IsPlainFileName(name) || name == kManifestFile) {
      return absl::InvalidArgumentError(
          absl::StrCat("files: expected names of files beside manifest.json, "
                       "found ",
                       QuoteForMessage(name)));
    }
    ASSIGN_OR_RETURN(files[name], ParseFileRecord(value));
  }
  RETURN_IF_ERROR(field.Get(kWeightsFile).status());
  for (const VocabularyFile& vocabulary : vocabularies) {
    RETURN_IF_ERROR(field.Get(vocabulary.name).status());
  }
  return files;
}

absl::StatusOr<double> ParseTolerance(const JsonField& field) {
  ASSIGN_OR_RETURN(const double tolerance, field.Number());
  if (tolerance > 0 && tolerance <= 1) return tolerance;
  return field.Expected("a number above 0, at most 1");
}

// Those that stand in place of the defaults.
absl::StatusOr<std::map<Precision, double>> ParseTolerances(
    const JsonField& field) {
  std::map<Precision, double> tolerances;
  ASSIGN_OR_RETURN(const auto members, field.Members());
  for (const auto& [name, value] : members) {
    const auto precision = ParsePrecision(name, name);
    if (!precision.ok() || *precision == Precision::kF32) {
      return value.Expected("\"bf16\" or \"int8\" on the left");
    }
    ASSIGN_OR_RETURN(tolerances[*precision], ParseTolerance(value));
  }
  return tolerances;
}

absl::Status ParseSelfTest(const JsonField& field, Manifest& manifest) {
  ASSIGN_OR_RETURN(const JsonField tolerance, field.Get("tolerance"));
  ASSIGN_OR_RETURN(manifest.self_test_tolerance, ParseTolerance(tolerance));
  if (field.Has("tolerances")) {
    ASSIGN_OR_RETURN(const JsonField tolerances, field.Get("tolerances"));
    ASSIGN_OR_RETURN(manifest.self_test_tolerances,
                     ParseTolerances(tolerances));
  }
  ASSIGN_OR_RETURN(const JsonField cases, field.Get("cases"));
  ASSIGN_OR_RETURN(const auto elements, cases.Elements());
  const TaskFormat& format = FormatOf(manifest.task());
  if (elements.empty()) return cases.Expected("at least one case");
  for (const JsonField& element : elements) {
    RETURN_IF_ERROR(format.ParseCase(element, &manifest.model));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> ParseFormatVersion(const JsonField& root) {
  ASSIGN_OR_RETURN(const JsonField field, root.Get("format_version"));
  // Read before anything else: the rest may look otherwise in a newer format.
  ASSIGN_OR_RETURN(const int64_t version,
                   field.Integer(1, Manifest::kFormatVersion));
  return static_cast<int>(version);
}

ordered_json SelfTestJson(const Manifest& manifest, ordered_json cases) {
  ordered_json json = {{"tolerance", manifest.self_test_tolerance}};
  for (const auto& [precision, tolerance] : manifest.self_test_tolerances) {
    json["tolerances"][std::string(PrecisionName(precision))] = tolerance;
  }
  json["cases"] = std::move(cases);
  return json;
}

// Every vocabulary lies where this format wants it.
absl::Status CheckVocabularyNames(
    const JsonField& root, absl::Span<const VocabularyFile> vocabularies) {
  for (const VocabularyFile& file : vocabularies) {
    ASSIGN_OR_RETURN(const JsonField tokenizer, root.Get(file.tokenizer_field));
    ASSIGN_OR_RETURN(const JsonField name, tokenizer.Get("vocabulary"));
    if (name.value() != std::string(file.name)) {
      return name.Expected(QuoteForMessage(file.name));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view TaskName(Task task) {
  switch (task) {
    case Task::kLanguageModel:
      return "language_model";
    case Task::kClassifier:
      return "classifier";
    case Task::kTranslator:
      return "translator";
    case Task::kForecaster:
      return "forecaster";
  }
  return "unknown";
}

absl::string_view LineContextName(LineContext context) {
  return context == LineContext::kLine ? "line" : "stream";
}

const LanguageModelManifest& Manifest::language_model() const {
  CAROUSEL_CHECK(task() == Task::kLanguageModel);
  return *std::get_if<LanguageModelManifest>(&model);
}

const ClassifierManifest& Manifest::classifier() const {
  CAROUSEL_CHECK(task() == Task::kClassifier);
  return *std::get_if<ClassifierManifest>(&model);
}

const TranslatorManifest& Manifest::translator() const {
  CAROUSEL_CHECK(task() == Task::kTranslator);
  return *std::get_if<TranslatorManifest>(&model);
}

const ForecasterManifest& Manifest::forecaster() const {
  CAROUSEL_CHECK(task() == Task::kForecaster);
  return *std::get_if<ForecasterManifest>(&model);
}

double Manifest::ToleranceIn(Precision precision) const {
  if (precision == Precision::kF32) return self_test_tolerance;
  const auto found = self_test_tolerances.find(precision);
  if (found != self_test_tolerances.end()) return found->second;
  return precision == Precision::kBF16 ? kBF16Tolerance : kInt8Tolerance;
}

absl::StatusOr<Manifest> ParseManifest(absl::string_view json) {
  ASSIGN_OR_RETURN(const nlohmann::json document, ParseStrictJson(json));
  const JsonField root(document, "");
  ASSIGN_OR_RETURN(const int version, ParseFormatVersion(root));
  ASSIGN_OR_RETURN(Manifest manifest, ParseModelFields(root));
  manifest.format_version = version;
  const std::vector<VocabularyFile> vocabularies =
      FormatOf(manifest.task()).Vocabularies(manifest.model);
  RETURN_IF_ERROR(CheckVocabularyNames(root, vocabularies));
  ASSIGN_OR_RETURN(const JsonField files, root.Get("files"));
  ASSIGN_OR_RETURN(manifest.files, ParseFiles(files, vocabularies));
  ASSIGN_OR_RETURN(const JsonField self_test, root.Get("self_test"));
  RETURN_IF_ERROR(ParseSelfTest(self_test, manifest));
  return manifest;
}

std::string SerialiseManifest(const Manifest& manifest) {
  const TaskFormat& format = FormatOf(manifest.task());
  ordered_json files = ordered_json::object();
  for (const auto& [name, record] : manifest.files) {
    files[name] = {{"sha256", record.sha256}, {"bytes", record.size_bytes}};
  }
  ordered_json document = {{"format_version", manifest.format_version},
                           {"task", std::string(TaskName(manifest.task()))}};
  format.AddFields(manifest.model, &document);
  document["files"] = std::move(files);
  if (!manifest.precisions.empty()) {
    document["precisions"] = PrecisionRecordsJson(manifest.precisions);
  }
  document["self_test"] =
      SelfTestJson(manifest, format.CasesJson(manifest.model));
  document["training"] = ordered_json::parse(manifest.training, nullptr,
                                             /*allow_exceptions=*/false);
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace carousel
