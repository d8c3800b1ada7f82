// SPDX-License-Identifier: Apache-2.0
//
// Series from a CSV file: a header, a time column, and columns of numbers.

#ifndef CAROUSEL_MODEL_BASE_SERIES_FILE_H_
#define CAROUSEL_MODEL_BASE_SERIES_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "model/base/series_time.h"

namespace carousel {

struct SeriesFileOptions {
  std::string time_column = {};           // empty: the first
  std::vector<std::string> columns = {};  // of values; empty: all the others
  bool check_times = true;                // for gaps
};

struct SeriesFile {
  std::vector<std::string> columns;  // (C), as they stand in the header
  int64_t rows = 0;
  std::vector<float> values;  // (rows, C)

  // Of the rows; empty if they are numbers, or are not checked. The step is
  // known from two of them on.
  std::vector<absl::Time> times = {};
  std::optional<TimeStep> step = {};

  std::string sha256 = {};  // of the file
};

// Reads a CSV file (RFC 4180: fields may be quoted, "" is a quotation mark),
// `.gz` too. Times are "2016-07-01 00:00:00" (or with a T, without seconds,
// without a time), "20160701", "2016-07" or numbers, and rise by equal steps,
// in days and seconds or in months.
//
// INVALID_ARGUMENT with file and line for: a header without a column that is
// asked for or with one twice, another number of fields, a quoted field that
// does not end, a time that is none or is not one step after the line before, a
// value that is missing, no number, not finite, or that a float cannot hold;
// and for a file without rows.
absl::StatusOr<SeriesFile> ReadSeriesFile(const std::string& path,
                                          const SeriesFileOptions& options);

// The same from wherever `next` gets lines: it puts one in its argument,
// without the end of the line, or returns false at the end. `name` is for
// messages.
using NextLine = absl::FunctionRef<absl::StatusOr<bool>(std::string*)>;
absl::StatusOr<SeriesFile> ReadSeries(const std::string& name, NextLine next,
                                      const SeriesFileOptions& options);

// The fields of a line. INVALID_ARGUMENT if a quoted field does not end, or
// goes on after its end.
absl::StatusOr<std::vector<std::string>> SplitCsvLine(absl::string_view line);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_SERIES_FILE_H_
