// SPDX-License-Identifier: Apache-2.0
//
// Files of labelled text, "label<TAB>text" a line, gzip or not: what trains a
// classifier and what it is measured on are read by this one code.

#ifndef CAROUSEL_MODEL_TASKS_LABELLED_TEXT_H_
#define CAROUSEL_MODEL_TASKS_LABELLED_TEXT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carousel {

// Gives labels other names, so that a file of five grades serves a task of two.
// A plain value.
class LabelMap {
 public:
  // Every label keeps its name.
  LabelMap() = default;

  // "0,1:negative;3,4:positive": 0 and 1 become "negative", 3 and 4 "positive",
  // and lines with any other label are left out. "" leaves all as they are.
  // INVALID_ARGUMENT, saying what is wrong.
  static absl::StatusOr<LabelMap> Parse(absl::string_view text);

  // The label's other name; none if its lines are left out.
  std::optional<std::string> Map(absl::string_view label) const;

 private:
  std::map<std::string, std::string, std::less<>> names_;  // empty: as they are
};

struct LabelledLine {
  std::string label;  // mapped
  std::string text;   // as it stands
  int64_t number = 0;
};

// Calls `use` for every line of `path` whose label the map keeps; stops at an
// error, which it returns with "path:line: " before it. INVALID_ARGUMENT, with
// "path:line", for a line without a tab, without a label or without text, and
// for what is not UTF-8; errors of LineReader.
absl::Status ForEachLabelledLine(
    const std::string& path, const LabelMap& labels,
    const std::function<absl::Status(const LabelledLine& line)>& use);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_LABELLED_TEXT_H_
