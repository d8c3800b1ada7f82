// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/manifest.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/manifest_fields.h"
#include "model/weights/strict_json.h"

namespace carousel {
namespace {

using nlohmann::ordered_json;

// Far from any real one, and safely a float.
constexpr double kMaxLogProbability = 1e6;

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
    const JsonField& field) {
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
  for (absl::string_view name : {kWeightsFile, kVocabularyFile}) {
    RETURN_IF_ERROR(field.Get(name).status());
  }
  return files;
}

absl::StatusOr<int32_t> ParseToken(const JsonField& field, int vocabulary) {
  ASSIGN_OR_RETURN(const int64_t token, field.Integer(0, vocabulary - 1));
  return static_cast<int32_t>(token);
}

absl::StatusOr<SelfTestCase> ParseSelfTestCase(const JsonField& field,
                                               int vocabulary) {
  SelfTestCase result;
  ASSIGN_OR_RETURN(const JsonField text, field.Get("text"));
  ASSIGN_OR_RETURN(result.text, text.String());

  ASSIGN_OR_RETURN(const JsonField tokens, field.Get("tokens"));
  ASSIGN_OR_RETURN(const auto token_list, tokens.Elements());
  for (const JsonField& token : token_list) {
    ASSIGN_OR_RETURN(const int32_t id, ParseToken(token, vocabulary));
    result.tokens.push_back(id);
  }

  ASSIGN_OR_RETURN(const JsonField outputs, field.Get("log_probabilities"));
  ASSIGN_OR_RETURN(const auto output_list, outputs.Elements());
  if (output_list.empty()) return outputs.Expected("at least one [id, value]");
  for (const JsonField& output : output_list) {
    ASSIGN_OR_RETURN(const auto pair, output.Elements());
    if (pair.size() != 2) return output.Expected("[id, value]");
    ASSIGN_OR_RETURN(const int32_t id, ParseToken(pair[0], vocabulary));
    ASSIGN_OR_RETURN(const double value, pair[1].Number());
    if (!(std::abs(value) <= kMaxLogProbability)) {
      return pair[1].Expected("a log-probability");
    }
    result.log_probabilities.emplace_back(id, static_cast<float>(value));
  }
  return result;
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
  if (elements.empty()) return cases.Expected("at least one case");
  for (const JsonField& element : elements) {
    ASSIGN_OR_RETURN(SelfTestCase test,
                     ParseSelfTestCase(element, manifest.sizes.vocabulary));
    manifest.self_test.push_back(std::move(test));
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

ordered_json SelfTestJson(const Manifest& manifest) {
  ordered_json cases = ordered_json::array();
  for (const SelfTestCase& test : manifest.self_test) {
    ordered_json outputs = ordered_json::array();
    for (const auto& [id, value] : test.log_probabilities) {
      outputs.push_back(ordered_json::array({id, value}));
    }
    cases.push_back({{"text", test.text},
                     {"tokens", test.tokens},
                     {"log_probabilities", std::move(outputs)}});
  }
  return {{"tolerance", manifest.self_test_tolerance},
          {"cases", std::move(cases)}};
}

}  // namespace

absl::StatusOr<Manifest> ParseManifest(absl::string_view json) {
  ASSIGN_OR_RETURN(const nlohmann::json document, ParseStrictJson(json));
  const JsonField root(document, "");
  ASSIGN_OR_RETURN(const int version, ParseFormatVersion(root));
  ASSIGN_OR_RETURN(Manifest manifest, ParseModelFields(root));
  manifest.format_version = version;
  ASSIGN_OR_RETURN(const JsonField tokenizer, root.Get("tokenizer"));
  ASSIGN_OR_RETURN(const JsonField vocabulary, tokenizer.Get("vocabulary"));
  if (vocabulary.value() != std::string(kVocabularyFile)) {
    return vocabulary.Expected(QuoteForMessage(kVocabularyFile));
  }
  ASSIGN_OR_RETURN(const JsonField files, root.Get("files"));
  ASSIGN_OR_RETURN(manifest.files, ParseFiles(files));
  ASSIGN_OR_RETURN(const JsonField self_test, root.Get("self_test"));
  RETURN_IF_ERROR(ParseSelfTest(self_test, manifest));
  return manifest;
}

std::string SerialiseManifest(const Manifest& manifest) {
  const LanguageModelSizes& sizes = manifest.sizes;
  ordered_json files = ordered_json::object();
  for (const auto& [name, record] : manifest.files) {
    files[name] = {{"sha256", record.sha256}, {"bytes", record.size_bytes}};
  }
  const ordered_json document = {
      {"format_version", manifest.format_version},
      {"task", manifest.task},
      {"network",
       {{"cell", manifest.cell},
        {"vocabulary", sizes.vocabulary},
        {"embedding", sizes.embedding},
        {"hidden", sizes.hidden},
        {"layers", sizes.layers},
        {"projection", sizes.projection},
        {"tied", sizes.tied}}},
      {"tokenizer",
       {{"kind", std::string(TokenizerKindName(manifest.tokenizer))},
        {"context", std::string(LineContextName(manifest.context))},
        {"vocabulary", std::string(kVocabularyFile)}}},
      {"files", std::move(files)},
      {"self_test", SelfTestJson(manifest)},
      {"training", ordered_json::parse(manifest.training, nullptr,
                                       /*allow_exceptions=*/false)}};
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace carousel
