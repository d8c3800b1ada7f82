// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/labelled_text.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/text/normalise.h"

namespace carousel {
namespace {

absl::Status BadMap(absl::string_view text, absl::string_view problem) {
  return absl::InvalidArgumentError(
      absl::StrCat("label map \"", text,
                   "\": expected \"LABEL,LABEL:NAME;LABEL:NAME\", ", problem));
}

absl::StatusOr<LabelledLine> ParseLine(absl::string_view line) {
  const size_t tab = line.find('\t');
  if (tab == absl::string_view::npos) {
    return absl::InvalidArgumentError("expected label<TAB>text, found no tab");
  }
  LabelledLine result;
  result.label = std::string(absl::StripAsciiWhitespace(line.substr(0, tab)));
  result.text = std::string(line.substr(tab + 1));
  if (result.label.empty()) {
    return absl::InvalidArgumentError(
        "expected label<TAB>text, found no label");
  }
  if (absl::StripAsciiWhitespace(result.text).empty()) {
    return absl::InvalidArgumentError("expected label<TAB>text, found no text");
  }
  RETURN_IF_ERROR(ValidateUtf8(line));
  return result;
}

}  // namespace

absl::StatusOr<LabelMap> LabelMap::Parse(absl::string_view text) {
  LabelMap map;
  for (absl::string_view rule :
       absl::StrSplit(text, ';', absl::SkipWhitespace())) {
    const std::vector<absl::string_view> sides = absl::StrSplit(rule, ':');
    if (sides.size() != 2) return BadMap(text, "one colon in each part");
    const absl::string_view name = absl::StripAsciiWhitespace(sides[1]);
    if (name.empty()) return BadMap(text, "found a part without a name");
    for (absl::string_view label : absl::StrSplit(sides[0], ',')) {
      label = absl::StripAsciiWhitespace(label);
      if (label.empty()) return BadMap(text, "found an empty label");
      if (!map.names_.emplace(std::string(label), std::string(name)).second) {
        return BadMap(text, absl::StrCat("found \"", label, "\" twice"));
      }
    }
  }
  return map;
}

std::optional<std::string> LabelMap::Map(absl::string_view label) const {
  if (names_.empty()) return std::string(label);
  const auto found = names_.find(label);
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

absl::Status ForEachLabelledLine(
    const std::string& path, const LabelMap& labels,
    const std::function<absl::Status(const LabelledLine& line)>& use) {
  ASSIGN_OR_RETURN(const auto reader, LineReader::Open(path));
  const auto at_line = [&](const absl::Status& status) {
    return absl::Status(
        status.code(),
        absl::StrCat(path, ":", reader->line_number(), ": ", status.message()));
  };
  std::string text;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next(&text));
    if (!more) return absl::OkStatus();
    absl::StatusOr<LabelledLine> line = ParseLine(text);
    if (!line.ok()) return at_line(line.status());
    std::optional<std::string> name = labels.Map(line->label);
    if (!name.has_value()) continue;
    line->label = *std::move(name);
    line->number = reader->line_number();
    const absl::Status used = use(*line);
    if (!used.ok()) return at_line(used);
  }
}

}  // namespace carousel
