// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/cli.h"
#include "client/cli/json.h"
#include "client/cli/model_name.h"
#include "client/cli/model_status.h"
#include "client/cli/table.h"
#include "client/cli/utf8.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

TableRow ToRow(const v1::Model& model) {
  return {Printable(model.name()),
          absl::StrCat(model.version()),
          Printable(absl::StrJoin(model.labels(), ",")),
          FormatState(model),
          Printable(model.task()),
          Printable(model.precision()),
          Thousands(model.memory_bytes(), "B"),
          Thousands(model.parameters(), ""),
          Printable(model.message())};
}

absl::Status List(const Options& options, Client& client, Console& console) {
  ASSIGN_OR_RETURN(const v1::ListModelsResponse response,
                   client.ListModels(options.timeout));
  if (options.json) {
    ASSIGN_OR_RETURN(const std::string line, JsonLine(response));
    console.out << line;
    return absl::OkStatus();
  }
  std::vector<TableRow> rows = {{"NAME", "VERSION", "LABELS", "STATE", "TASK",
                                 "PRECISION", "MEMORY", "PARAMETERS",
                                 "MESSAGE"}};
  for (const v1::Model& model : response.models()) rows.push_back(ToRow(model));
  console.out << FormatTable(rows);
  return absl::OkStatus();
}

}  // namespace

absl::Status RunModels(const Options& options, Client& client,
                       Console& console) {
  if (options.arguments.empty()) return List(options, client, console);
  for (const std::string& argument : options.arguments) {
    const absl::StatusOr<v1::ModelSpec> spec = ParseModelName(argument);
    if (!spec.ok()) return UsageError(spec.status().message());
    ASSIGN_OR_RETURN(const v1::GetModelResponse response,
                     client.GetModel(*spec, options.timeout));
    if (options.json) {
      ASSIGN_OR_RETURN(const std::string line, JsonLine(response, argument));
      console.out << line;
      continue;
    }
    if (&argument != &options.arguments.front()) console.out << "\n";
    console.out << FormatModel(response.model());
  }
  return absl::OkStatus();
}

}  // namespace carousel
