// SPDX-License-Identifier: Apache-2.0

#include "model/base/series_file.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "model/base/files.h"
#include "model/base/quote.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// A reading of a CSV file; errors get file and line.
class Reader {
 public:
  Reader(const std::string& name, NextLine next,
         const SeriesFileOptions& options)
      : name_(name), next_(next), options_(options) {}

  absl::StatusOr<SeriesFile> Read() {
    RETURN_IF_ERROR(ReadHeader());
    while (true) {
      ASSIGN_OR_RETURN(const bool more, Next());
      if (!more) break;
      if (line_.empty()) continue;
      RETURN_IF_ERROR(ReadRow());
    }
    if (file_.rows == 0) return Error("expected rows after the header");
    if (options_.check_times) file_.step = times_.step();
    return std::move(file_);
  }

 private:
  absl::StatusOr<bool> Next() {
    ASSIGN_OR_RETURN(const bool more, next_(&line_));
    if (more) ++line_number_;
    return more;
  }

  absl::Status Error(absl::string_view message) const {
    if (line_number_ == 0) {
      return absl::InvalidArgumentError(absl::StrCat(name_, ": ", message));
    }
    return absl::InvalidArgumentError(
        absl::StrCat(name_, ":", line_number_, ": ", message));
  }

  absl::Status Split() {
    absl::StatusOr<std::vector<std::string>> fields = SplitCsvLine(line_);
    if (!fields.ok()) return Error(fields.status().message());
    fields_ = *std::move(fields);
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> Find(const std::string& name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found != names_.end()) {
      return static_cast<size_t>(found - names_.begin());
    }
    return Error(absl::StrCat("expected a column ", QuoteForMessage(name),
                              ", found ", absl::StrJoin(names_, ", ")));
  }

  absl::Status ReadHeader() {
    ASSIGN_OR_RETURN(const bool more, Next());
    if (!more)
      return Error(
          "expected a header and rows, found nothing: the input is empty");
    // Written by spreadsheets at the start of UTF-8 files.
    constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";
    line_ = std::string(absl::StripPrefix(line_, kByteOrderMark));
    RETURN_IF_ERROR(Split());
    names_ = fields_;
    for (size_t i = 0; i < names_.size(); ++i) {
      const auto rest = names_.begin() + static_cast<std::ptrdiff_t>(i) + 1;
      if (std::find(rest, names_.end(), names_[i]) == names_.end()) continue;
      return Error(absl::StrCat("expected a column ",
                                QuoteForMessage(names_[i]),
                                " once, found two"));
    }
    return FindColumns();
  }

  absl::Status FindColumns() {
    if (!options_.time_column.empty()) {
      ASSIGN_OR_RETURN(time_, Find(options_.time_column));
    }
    file_.columns = options_.columns;
    for (size_t i = 0; options_.columns.empty() && i < names_.size(); ++i) {
      if (i != time_) file_.columns.push_back(names_[i]);
    }
    for (const std::string& name : file_.columns) {
      ASSIGN_OR_RETURN(const size_t place, Find(name));
      if (place == time_) {
        return Error(absl::StrCat("expected a column of values, found ",
                                  QuoteForMessage(name), ", that of times"));
      }
      places_.push_back(place);
    }
    if (places_.empty())
      return Error("expected a column of values, found none");
    return absl::OkStatus();
  }

  absl::Status ReadRow() {
    RETURN_IF_ERROR(Split());
    if (fields_.size() != names_.size()) {
      return Error(absl::StrCat("expected ", names_.size(), " fields, found ",
                                fields_.size()));
    }
    if (options_.check_times) {
      const absl::Status status = times_.Add(fields_[time_]);
      if (!status.ok()) return Error(status.message());
      if (times_.time()) file_.times.push_back(*times_.time());
    }
    for (size_t place : places_) RETURN_IF_ERROR(ReadValue(place));
    ++file_.rows;
    return absl::OkStatus();
  }

  absl::Status ReadValue(size_t place) {
    const absl::string_view text = absl::StripAsciiWhitespace(fields_[place]);
    double value = 0;
    constexpr float kMost = std::numeric_limits<float>::max();
    const bool is_number = absl::SimpleAtod(text, &value);
    // Written so that a NaN is refused.
    if (!is_number || !(std::abs(value) <= kMost)) {
      return Error(absl::StrCat(
          "column ", QuoteForMessage(names_[place]), ": expected a number",
          is_number ? absl::StrCat(" from ", -kMost, " to ", kMost) : "",
          ", found ", text.empty() ? "none" : QuoteForMessage(text)));
    }
    file_.values.push_back(static_cast<float>(value));
    return absl::OkStatus();
  }

  const std::string& name_;
  const NextLine next_;
  const SeriesFileOptions& options_;
  std::string line_;
  int64_t line_number_ = 0;
  std::vector<std::string> fields_;  // of the line
  std::vector<std::string> names_;   // of all columns
  size_t time_ = 0;                  // the place of the time
  std::vector<size_t> places_;       // of the values
  TimeCheck times_;
  SeriesFile file_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> SplitCsvLine(absl::string_view line) {
  std::vector<std::string> fields(1);
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ',') {
      fields.emplace_back();
      continue;
    }
    const bool opens = line[i] == '"' && fields.back().empty();
    if (!opens) {
      fields.back() += line[i];
      continue;
    }
    // Up to the closing mark; two marks are one of the text.
    for (++i; i < line.size(); ++i) {
      if (line[i] != '"') {
        fields.back() += line[i];
      } else if (i + 1 < line.size() && line[i + 1] == '"') {
        fields.back() += line[i++];
      } else {
        break;
      }
    }
    if (i == line.size()) {
      return absl::InvalidArgumentError("a quoted field does not end");
    }
    if (i + 1 < line.size() && line[i + 1] != ',') {
      return absl::InvalidArgumentError(
          "expected a comma after a quoted field");
    }
  }
  return fields;
}

absl::StatusOr<SeriesFile> ReadSeries(const std::string& name, NextLine next,
                                      const SeriesFileOptions& options) {
  return Reader(name, next, options).Read();
}

absl::StatusOr<SeriesFile> ReadSeriesFile(const std::string& path,
                                          const SeriesFileOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<LineReader> lines,
                   LineReader::Open(path));
  ASSIGN_OR_RETURN(
      SeriesFile file,
      ReadSeries(
          path, [&](std::string* line) { return lines->Next(line); }, options));
  ASSIGN_OR_RETURN(file.sha256, Sha256OfFile(path));
  return file;
}

}  // namespace carousel
