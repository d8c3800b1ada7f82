// SPDX-License-Identifier: Apache-2.0

#include "model/train/export_parts.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"
#include "model/train/bundle_path.h"
#include "model/weights/safetensors.h"
#include "nlohmann/json.hpp"

namespace carousel {

using nlohmann::ordered_json;

absl::StatusOr<std::vector<Tensor>> ReadWeightsInOrder(
    const std::string& path, absl::Span<const WeightSpec> specs) {
  ASSIGN_OR_RETURN(const auto file, Safetensors::Open(path));
  std::vector<Tensor> weights;
  for (const WeightSpec& spec : specs) {
    ASSIGN_OR_RETURN(Tensor weight, file->Get(spec.name));
    weights.push_back(std::move(weight));
  }
  return weights;
}

ordered_json BeginRecord(const std::string& data, uint64_t seed,
                         const RunState& state, double epochs) {
  return {{"carousel", CAROUSEL_VERSION},
          {"data", ordered_json::parse(data)},
          {"seed", seed},
          {"steps", state.step},
          {"epochs", epochs}};
}

ordered_json ConfigForRecord(const std::string& config) {
  ordered_json json = ordered_json::parse(config);
  json["data"].erase("directory");
  return json;
}

std::string FileTable(const std::string& data, const std::string& unit,
                      bool with_tokens) {
  std::string table = absl::StrFormat(
      "| file | part | %s | %sleft out | read | SHA-256 |\n"
      "|---|---|---|%s---|---|---|\n",
      unit, with_tokens ? "tokens | " : "", with_tokens ? "---|" : "");
  const ordered_json record = ordered_json::parse(data);
  for (const ordered_json& file :
       record.value("files", ordered_json::array())) {
    const std::string tokens =
        absl::StrCat(file.value("tokens", int64_t{0}), " | ");
    absl::StrAppendFormat(
        &table, "| %s | %s | %d | %s%d | %dx | `%.12s...` |\n",
        file.value("path", ""), file.value("part", ""),
        file.value("lines", int64_t{0}), with_tokens ? tokens : "",
        file.value("dropped_lines", int64_t{0}), file.value("repeat", 1),
        file.value("sha256", ""));
  }
  return table;
}

std::string WriteCard(const CardParts& parts) {
  std::string card = absl::StrCat(
      "# ", BundleName(parts.directory), "\n\n",
      parts.settings.description.empty() ? parts.otherwise
                                         : parts.settings.description,
      "\n\n## Model\n\n", parts.model, "\n\n## Figures\n\n", parts.figures,
      "\n\n## Data\n\n", parts.data, "\n");
  if (!parts.settings.data_notes.empty()) {
    absl::StrAppend(&card, "Sources and licences:\n\n");
    for (const std::string& note : parts.settings.data_notes) {
      absl::StrAppend(&card, "- ", note, "\n");
    }
    absl::StrAppend(&card, "\n");
  }
  absl::StrAppend(&card, parts.left_out, parts.left_out.empty() ? "" : "\n\n",
                  "## Use and limits\n\n", parts.use);
  return card;
}

std::string WithCardSection(absl::string_view card, absl::string_view section) {
  const absl::string_view heading = section.substr(0, section.find('\n') + 1);
  const std::string whole = absl::StrCat("\n", card, "\n");
  const size_t begin = whole.find(absl::StrCat("\n", heading));
  if (begin == whole.npos) {
    return absl::StrCat(card, card.empty() ? "" : "\n", section);
  }
  const size_t next = whole.find("\n## ", begin + 1);
  const absl::string_view before = absl::string_view(whole).substr(1, begin);
  if (next == whole.npos) return absl::StrCat(before, section);
  return absl::StrCat(
      before, section,
      absl::string_view(whole).substr(next, whole.size() - next - 1));
}

}  // namespace carousel
