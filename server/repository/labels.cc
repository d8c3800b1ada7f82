// SPDX-License-Identifier: Apache-2.0

#include "server/repository/labels.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

using nlohmann::json;

constexpr size_t kMaxFileBytes = size_t{64} << 10;
constexpr size_t kMaxLabels = 64;
constexpr size_t kMaxLabelBytes = 63;

bool IsLabel(absl::string_view text) {
  const auto is_inner = [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-' ||
           c == '_';
  };
  return !text.empty() && text.size() <= kMaxLabelBytes &&
         absl::ascii_islower(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), is_inner);
}

// For messages: ASCII, and not much of it.
std::string Show(const json& value) {
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > 80) text = absl::StrCat(text.substr(0, 80), "...");
  return text;
}

absl::StatusOr<int64_t> ParseVersion(const std::string& label,
                                     const json& value) {
  if (value.is_number_integer() && value > 0 &&
      value <= std::numeric_limits<int64_t>::max()) {
    return value.get<int64_t>();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("label \"", label,
                   "\": expected a version, a positive "
                   "integer, found ",
                   Show(value)));
}

}  // namespace

absl::StatusOr<Labels> ParseLabels(absl::string_view text) {
  // The parser keeps the last of several values of a key.
  std::set<std::string> keys;
  std::string twice;
  const auto look = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && !keys.insert(parsed).second) {
      twice = parsed.get<std::string>();
    }
    return true;
  };
  const json document = json::parse(text, look, /*allow_exceptions=*/false);
  if (!document.is_object()) {
    return absl::InvalidArgumentError(
        "expected a JSON object of labels and versions, e.g. {\"stable\": 3}");
  }
  if (document.size() > kMaxLabels) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected at most ", kMaxLabels, " labels, found ", document.size()));
  }
  Labels labels;
  for (const auto& [label, version] : document.items()) {
    if (!IsLabel(label)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "expected a label of 1 to ", kMaxLabelBytes,
          " of a-z, 0-9, - and _, a letter first, found ", Show(label)));
    }
    ASSIGN_OR_RETURN(labels[label], ParseVersion(label, version));
  }
  if (!twice.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("label ", Show(twice), " is there twice"));
  }
  return labels;
}

absl::StatusOr<Labels> ReadLabels(const std::string& directory) {
  const std::string path = JoinPath(directory, kLabelsFile);
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxFileBytes);
  if (absl::IsNotFound(text.status())) return Labels();
  RETURN_IF_ERROR(text.status());
  absl::StatusOr<Labels> labels = ParseLabels(*text);
  if (labels.ok()) return labels;
  return absl::Status(labels.status().code(),
                      absl::StrCat(path, ": ", labels.status().message()));
}

}  // namespace carousel
