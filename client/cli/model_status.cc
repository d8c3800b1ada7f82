// SPDX-License-Identifier: Apache-2.0
#include "client/cli/model_status.h"

#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "client/cli/table.h"
#include "client/cli/utf8.h"

namespace carousel {
namespace {

std::string StateName(const v1::Model& model) {
  const std::string state = v1::Model::State_Name(model.state());
  return absl::AsciiStrToLower(absl::StripPrefix(state, "STATE_"));
}

std::string State(const v1::Model& model) {
  if (!model.has_ready_time()) return StateName(model);
  return absl::StrCat(
      StateName(model), " since ",
      absl::FormatTime("%Y-%m-%d %H:%M:%S UTC",
                       absl::FromUnixSeconds(model.ready_time().seconds()),
                       absl::UTCTimeZone()));
}

std::string Memory(const v1::Model& model) {
  std::string text = Thousands(model.memory_bytes(), "B");
  if (model.cached_states() > 0) {
    absl::StrAppend(&text, ", and ", Thousands(model.cache_bytes(), "B"),
                    " for ", model.cached_states(), " states remembered");
  }
  return text;
}

std::string LoadTime(const v1::Model& model) {
  if (!model.has_load_duration()) return "";
  const double seconds =
      static_cast<double>(model.load_duration().seconds()) +
      static_cast<double>(model.load_duration().nanos()) * 1e-9;
  return absl::StrFormat("%.2f s", seconds);
}

}  // namespace

std::string FormatSpec(const v1::ModelSpec& spec) {
  std::string text = Printable(spec.name());
  if (spec.has_version()) absl::StrAppend(&text, "/", spec.version());
  if (!spec.label().empty()) {
    absl::StrAppend(&text, "@", Printable(spec.label()));
  }
  return text;
}

std::string FormatState(const v1::Model& model) {
  const bool failed = model.has_reload_error() || model.has_labels_error();
  return absl::StrCat(StateName(model), failed ? " !" : "");
}

std::string FormatError(const google::rpc::Status& error) {
  return absl::StrCat(
      absl::StatusCodeToString(static_cast<absl::StatusCode>(error.code())),
      ": ", Printable(error.message()));
}

std::string FormatModel(const v1::Model& model) {
  std::vector<TableRow> rows;
  const auto add = [&rows](absl::string_view name, const std::string& value) {
    if (!value.empty()) rows.push_back({absl::StrCat("  ", name), value});
  };
  add("state", State(model));
  if (model.has_reload_error()) {
    add("reload error", FormatError(model.reload_error()));
  }
  add("labels", Printable(absl::StrJoin(model.labels(), ", ")));
  if (model.has_labels_error()) {
    add("labels error", FormatError(model.labels_error()));
  }
  add("task", Printable(model.task()));
  add("precision", Printable(model.precision()));
  add("isa", Printable(model.isa()));
  add("parameters", Thousands(model.parameters(), ""));
  add("memory", Memory(model));
  add("loaded in", LoadTime(model));
  add("message", Printable(model.message()));
  // Sorted: the map of a message has no order.
  const std::map<std::string, double> figures(model.figures().begin(),
                                              model.figures().end());
  for (const auto& [name, value] : figures) {
    add(Printable(name), absl::StrFormat("%.8g", value));
  }
  v1::ModelSpec spec;
  spec.set_name(model.name());
  spec.set_version(model.version());
  return absl::StrCat(FormatSpec(spec), "\n", FormatTable(rows));
}

}  // namespace carousel
