// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "client/cli/cli.h"
#include "client/cli/json.h"
#include "client/cli/utf8.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

using Row = std::vector<std::string>;

// "23.4 MB"; empty for 0, which means unknown.
std::string Thousands(int64_t count, absl::string_view unit) {
  if (count == 0) return "";
  double value = static_cast<double>(count);
  constexpr absl::string_view kPrefixes[] = {"", "k", "M", "G", "T"};
  size_t prefix = 0;
  for (; value >= 1000 && prefix + 1 < std::size(kPrefixes); ++prefix) {
    value /= 1000;
  }
  return absl::StrFormat("%.*f %s%s", prefix == 0 ? 0 : 1, value,
                         kPrefixes[prefix], unit);
}

Row ToRow(const v1::Model& model) {
  const std::string state = v1::Model::State_Name(model.state());
  return {Printable(model.name()),
          absl::StrCat(model.version()),
          absl::AsciiStrToLower(absl::StripPrefix(state, "STATE_")),
          Printable(model.task()),
          Printable(model.precision()),
          Thousands(model.memory_bytes(), "B"),
          Thousands(model.parameters(), ""),
          Printable(model.message())};
}

// The rows with their columns aligned, two spaces between.
std::string Table(const std::vector<Row>& rows) {
  std::vector<int> widths(rows.front().size());
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Columns(row[i]));
    }
  }
  std::string table;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const int padding = widths[i] - Columns(row[i]) + 2;
      absl::StrAppend(&line, row[i], std::string(padding, ' '));
    }
    absl::StrAppend(&table, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return table;
}

}  // namespace

absl::Status RunModels(const Options& options, Client& client,
                       Console& console) {
  ASSIGN_OR_RETURN(const v1::ListModelsResponse response,
                   client.ListModels(options.timeout));
  if (options.json) {
    ASSIGN_OR_RETURN(const std::string line, JsonLine(response));
    console.out << line;
    return absl::OkStatus();
  }
  std::vector<Row> rows = {{"NAME", "VERSION", "STATE", "TASK", "PRECISION",
                            "MEMORY", "PARAMETERS", "MESSAGE"}};
  for (const v1::Model& model : response.models()) rows.push_back(ToRow(model));
  console.out << Table(rows);
  return absl::OkStatus();
}

}  // namespace carousel
