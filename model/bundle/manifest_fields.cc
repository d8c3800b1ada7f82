// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/manifest_fields.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/task_format.h"

namespace carousel {
namespace {

using nlohmann::ordered_json;

constexpr Task kTasks[] = {Task::kLanguageModel, Task::kClassifier,
                           Task::kTranslator, Task::kForecaster};

// Far from any real one, and safely a float.
constexpr double kMaxLogProbability = 1e6;

// 256 MiB, of which a network holds a few.
constexpr int64_t kMaxSelfTestNumbers = int64_t{1} << 26;

bool IsSha256(absl::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

absl::StatusOr<Task> ParseTask(const JsonField& root) {
  std::vector<absl::string_view> names;
  for (Task task : kTasks) names.push_back(TaskName(task));
  ASSIGN_OR_RETURN(const size_t place, ParseChoice(root, "task", names));
  return kTasks[place];
}

}  // namespace

absl::StatusOr<Manifest> ParseModelFields(const JsonField& root) {
  Manifest manifest;
  ASSIGN_OR_RETURN(const Task task, ParseTask(root));
  ASSIGN_OR_RETURN(manifest.model, FormatOf(task).ParseFields(root));
  if (root.Has("precisions")) {
    ASSIGN_OR_RETURN(const JsonField precisions, root.Get("precisions"));
    ASSIGN_OR_RETURN(manifest.precisions, ParsePrecisionRecords(precisions));
  }
  if (root.Has("training")) {
    ASSIGN_OR_RETURN(const JsonField training, root.Get("training"));
    if (!training.value().is_object()) return training.Expected("an object");
    manifest.training = training.value().dump();
  }
  return manifest;
}

absl::StatusOr<std::string> ParseSha256(const JsonField& parent) {
  ASSIGN_OR_RETURN(const JsonField field, parent.Get("sha256"));
  ASSIGN_OR_RETURN(const std::string digits, field.String());
  if (IsSha256(digits)) return digits;
  return field.Expected("64 lower-case hexadecimal digits");
}

absl::StatusOr<int> ParseSize(const JsonField& parent, absl::string_view name,
                              int64_t limit) {
  ASSIGN_OR_RETURN(const JsonField field, parent.Get(name));
  ASSIGN_OR_RETURN(const int64_t size, field.Integer(1, limit));
  return static_cast<int>(size);
}

absl::StatusOr<bool> ParseFlag(const JsonField& parent,
                               absl::string_view name) {
  ASSIGN_OR_RETURN(const JsonField field, parent.Get(name));
  return field.Bool();
}

absl::StatusOr<bool> ParseOptionalFlag(const JsonField& parent,
                                       absl::string_view name) {
  if (!parent.Has(name)) return false;
  return ParseFlag(parent, name);
}

absl::StatusOr<size_t> ParseChoice(const JsonField& parent,
                                   absl::string_view name,
                                   absl::Span<const absl::string_view> names) {
  ASSIGN_OR_RETURN(const JsonField field, parent.Get(name));
  ASSIGN_OR_RETURN(const std::string value, field.String());
  const auto found = std::find(names.begin(), names.end(), value);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  const auto quote = [](std::string* out, absl::string_view text) {
    absl::StrAppend(out, QuoteForMessage(text));
  };
  const size_t last = names.size() - 1;
  return field.Expected(
      absl::StrCat(absl::StrJoin(names.first(last), ", ", quote),
                   last > 0 ? " or " : "", QuoteForMessage(names.back())));
}

absl::StatusOr<Cell> ParseCellField(const JsonField& parent) {
  constexpr Cell kCells[] = {Cell::kTanhRnn, Cell::kReluRnn, Cell::kLstm,
                             Cell::kGru};
  std::vector<absl::string_view> names;
  for (Cell cell : kCells) names.push_back(CellName(cell));
  ASSIGN_OR_RETURN(const size_t place, ParseChoice(parent, "cell", names));
  return kCells[place];
}

absl::StatusOr<TokenizerKind> ParseKind(const JsonField& tokenizer) {
  ASSIGN_OR_RETURN(const JsonField field, tokenizer.Get("kind"));
  ASSIGN_OR_RETURN(const std::string name, field.String());
  const absl::StatusOr<TokenizerKind> kind = ParseTokenizerKind(name);
  if (!kind.ok())
    return field.Expected("\"words\", \"whitespace\" or \"subword\"");
  return kind;
}

ordered_json TokenizerJson(TokenizerKind kind,
                           absl::string_view vocabulary_file) {
  return {{"kind", std::string(TokenizerKindName(kind))},
          {"vocabulary", std::string(vocabulary_file)}};
}

absl::StatusOr<StackSizes> ParseStack(const JsonField& network,
                                      absl::string_view name, int inputs) {
  ASSIGN_OR_RETURN(const JsonField field, network.Get(name));
  StackSizes sizes;
  sizes.inputs = inputs;
  ASSIGN_OR_RETURN(sizes.cell, ParseCellField(field));
  ASSIGN_OR_RETURN(sizes.hidden, ParseSize(field, "hidden", kMaxSize));
  ASSIGN_OR_RETURN(sizes.layers, ParseSize(field, "layers", kMaxLayers));
  ASSIGN_OR_RETURN(sizes.bidirectional,
                   ParseOptionalFlag(field, "bidirectional"));
  ASSIGN_OR_RETURN(sizes.residual, ParseOptionalFlag(field, "residual"));
  return sizes;
}

ordered_json StackJson(const StackSizes& sizes) {
  return {{"cell", std::string(CellName(sizes.cell))},
          {"hidden", sizes.hidden},
          {"layers", sizes.layers},
          {"bidirectional", sizes.bidirectional},
          {"residual", sizes.residual}};
}

absl::StatusOr<int32_t> ParseToken(const JsonField& field, int vocabulary) {
  ASSIGN_OR_RETURN(const int64_t token, field.Integer(0, vocabulary - 1));
  return static_cast<int32_t>(token);
}

absl::StatusOr<std::vector<int32_t>> ParseTokens(const JsonField& field,
                                                 int vocabulary) {
  std::vector<int32_t> tokens;
  ASSIGN_OR_RETURN(const auto elements, field.Elements());
  for (const JsonField& element : elements) {
    ASSIGN_OR_RETURN(const int32_t token, ParseToken(element, vocabulary));
    tokens.push_back(token);
  }
  return tokens;
}

absl::StatusOr<float> ParseLogProbability(const JsonField& field) {
  ASSIGN_OR_RETURN(const double value, field.Number());
  if (!(std::abs(value) <= kMaxLogProbability)) {
    return field.Expected("a log-probability");
  }
  return static_cast<float>(value);
}

absl::StatusOr<std::string> ParseCaseText(const JsonField& test) {
  ASSIGN_OR_RETURN(const JsonField field, test.Get("text"));
  ASSIGN_OR_RETURN(std::string text, field.String());
  if (text.size() <= LineReader::kMaxLineBytes) return text;
  return field.Expected(
      absl::StrCat("at most ", LineReader::kMaxLineBytes, " bytes"));
}

absl::Status CheckSelfTestSize(size_t steps, int64_t width) {
  const int64_t most = kMaxSelfTestNumbers / width;
  if (static_cast<int64_t>(steps) <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("self-test: expected texts of at most ", most,
                   " tokens for a network this wide, found one of ", steps));
}

std::string FirstWords(const Vocabulary& vocabulary) {
  constexpr int kWords = 8;
  const int special = static_cast<int>(Vocabulary::SpecialTokens().size());
  std::string words;
  for (int id = special; id < std::min(special + kWords, vocabulary.size());
       ++id) {
    absl::StrAppend(&words, words.empty() ? "" : " ", vocabulary.token(id));
  }
  return words;
}

}  // namespace carousel
