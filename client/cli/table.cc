// SPDX-License-Identifier: Apache-2.0
#include "client/cli/table.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/utf8.h"

namespace carousel {

std::string FormatTable(const std::vector<TableRow>& rows) {
  std::vector<int> widths(rows.front().size());
  for (const TableRow& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Columns(row[i]));
    }
  }
  std::string table;
  for (const TableRow& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const int padding = widths[i] - Columns(row[i]) + 2;
      absl::StrAppend(&line, row[i], std::string(padding, ' '));
    }
    absl::StrAppend(&table, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return table;
}

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

}  // namespace carousel
