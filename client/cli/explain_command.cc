// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/cli.h"
#include "client/cli/json.h"
#include "client/cli/model_status.h"
#include "client/cli/table.h"
#include "client/cli/utf8.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

std::string Place(const v1::TextToken& token) {
  if (token.begin() == token.end()) return "";
  return absl::StrCat(token.begin(), "-", token.end());
}

std::string Format(const v1::ExplainResponse& response) {
  const v1::Model& model = response.model();
  std::string text = absl::StrCat(Printable(model.name()), "/", model.version(),
                                  ", ", Printable(model.precision()), ", ",
                                  Printable(model.kernels()), "\n");
  std::vector<TableRow> rows = {{"PLACE", "TEXT", "TOKEN", "ID", "STATE"}};
  for (const v1::TextToken& token : response.tokens()) {
    const bool cached =
        static_cast<int>(rows.size()) <= response.cached_tokens();
    rows.push_back({Place(token), Printable(token.text()),
                    Printable(token.token()), absl::StrCat(token.id()),
                    cached ? "remembered" : ""});
  }
  absl::StrAppend(&text, FormatTable(rows));
  if (!response.partial().empty()) {
    absl::StrAppend(&text,
                    "looked up as a beginning: ", Printable(response.partial()),
                    "\n");
  }
  if (response.cut()) {
    absl::StrAppend(&text, "the text is longer than the model reads\n");
  }
  return text;
}

}  // namespace

absl::Status RunExplain(const Options& options, Client& client,
                        Console& console) {
  if (options.model.empty()) {
    return UsageError("expected --model=NAME (`carousel models` lists them)");
  }
  if (options.arguments.empty()) {
    return UsageError("expected a TEXT");
  }
  v1::ModelSpec model;
  model.set_name(options.model);
  if (!options.label.empty()) model.set_label(options.label);
  if (options.version) model.set_version(*options.version);
  for (const std::string& text : options.arguments) {
    ASSIGN_OR_RETURN(const v1::ExplainResponse response,
                     client.Explain(text, model, options.timeout));
    if (options.json) {
      ASSIGN_OR_RETURN(const std::string line, JsonLine(response, text));
      console.out << line;
      continue;
    }
    if (&text != &options.arguments.front()) console.out << "\n";
    console.out << Format(response);
  }
  return absl::OkStatus();
}

}  // namespace carousel
