// SPDX-License-Identifier: Apache-2.0
//
// Columns, and numbers as people read them.

#ifndef CAROUSEL_CLIENT_CLI_TABLE_H_
#define CAROUSEL_CLIENT_CLI_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace carousel {

using TableRow = std::vector<std::string>;

// The rows with their columns aligned, two spaces between. REQUIRES: a row or
// more, of as many cells each, which can be printed (utf8.h).
std::string FormatTable(const std::vector<TableRow>& rows);

// "23.4 MB"; empty for 0, which means unknown.
std::string Thousands(int64_t count, absl::string_view unit);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_TABLE_H_
