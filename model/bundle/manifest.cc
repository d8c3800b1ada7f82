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

bool IsSha256(absl::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

absl::StatusOr<FileRecord> ParseFileRecord(const JsonField& field) {
  FileRecord record;
  ASSIGN_OR_RETURN(const JsonField sha256, field.Get("sha256"));
  ASSIGN_OR_RETURN(record.sha256, sha256.String());
  if (!IsSha256(record.sha256)) {
    return sha256.Expected("64 lower-case hexadecimal digits");
  }
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

absl::Status ParseSelfTest(const JsonField& field, Manifest& manifest) {
  ASSIGN_OR_RETURN(const JsonField tolerance, field.Get("tolerance"));
  ASSIGN_OR_RETURN(manifest.self_test_tolerance, tolerance.Number());
  if (!(manifest.self_test_tolerance > 0 &&
        manifest.self_test_tolerance <= 1)) {
    return tolerance.Expected("a number above 0, at most 1");
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
  document["self_test"] = {{"tolerance", manifest.self_test_tolerance},
                           {"cases", format.CasesJson(manifest.model)}};
  document["training"] = ordered_json::parse(manifest.training, nullptr,
                                             /*allow_exceptions=*/false);
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace carousel
