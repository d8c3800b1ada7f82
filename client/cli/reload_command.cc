// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/cli.h"
#include "client/cli/json.h"
#include "client/cli/model_status.h"
#include "client/cli/table.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

std::string Format(const v1::ReloadModelsResponse& response) {
  std::vector<TableRow> rows;
  for (const auto& spec : response.added()) {
    rows.push_back({"added", FormatSpec(spec), ""});
  }
  for (const auto& spec : response.reloaded()) {
    rows.push_back({"reloaded", FormatSpec(spec), ""});
  }
  for (const auto& spec : response.removed()) {
    rows.push_back({"removed", FormatSpec(spec), ""});
  }
  for (const v1::ReloadFailure& failure : response.failed()) {
    const bool labels = !failure.model().has_version();
    rows.push_back(
        {"failed",
         absl::StrCat(FormatSpec(failure.model()), labels ? " (labels)" : ""),
         FormatError(failure.error())});
  }
  return rows.empty() ? "no version has changed\n" : FormatTable(rows);
}

}  // namespace

absl::Status RunReload(const Options& options, Client& client,
                       Console& console) {
  ASSIGN_OR_RETURN(const v1::ReloadModelsResponse response,
                   client.ReloadModels(options.reload_timeout));
  if (options.json) {
    ASSIGN_OR_RETURN(const std::string line, JsonLine(response));
    console.out << line;
  } else {
    console.out << Format(response);
  }
  if (response.failed().empty()) return absl::OkStatus();
  const v1::ReloadFailure& first = response.failed(0);
  return absl::Status(
      static_cast<absl::StatusCode>(first.error().code()),
      absl::StrCat(response.failed_size(), " failed; the first: ",
                   FormatSpec(first.model()), ": ", first.error().message()));
}

}  // namespace carousel
