// SPDX-License-Identifier: Apache-2.0

#include "model/train/forecaster_data.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "model/base/files.h"
#include "model/base/random.h"
#include "model/base/status_macros.h"
#include "model/text/normalise.h"
#include "model/train/series_time.h"
#include "model/weights/strict_json.h"

namespace carousel {
namespace {

// Key of the random stream, so that it meets no other.
constexpr uint64_t kWindowOrder = 0x77696e646f77;

// A reading of a CSV file; errors get file and line.
class Reader {
 public:
  Reader(std::string path, const SeriesFileOptions& options,
         std::unique_ptr<LineReader> lines)
      : path_(std::move(path)), options_(options), lines_(std::move(lines)) {}

  absl::StatusOr<SeriesFile> Read() {
    RETURN_IF_ERROR(ReadHeader());
    while (true) {
      ASSIGN_OR_RETURN(const bool more, lines_->Next(&line_));
      if (!more) break;
      if (line_.empty()) continue;
      RETURN_IF_ERROR(ReadRow());
    }
    if (file_.rows == 0) return Error("expected rows after the header");
    return std::move(file_);
  }

 private:
  absl::Status Error(absl::string_view message) const {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ":", lines_->line_number(), ": ", message));
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
    ASSIGN_OR_RETURN(const bool more, lines_->Next(&line_));
    if (!more) return Error("expected a header, found an empty file");
    // Written by spreadsheets at the start of UTF-8 files.
    constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";
    line_ = std::string(absl::StripPrefix(line_, kByteOrderMark));
    if (absl::Status status = ValidateUtf8(line_); !status.ok()) {
      return Error(status.message());
    }
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
    }
    for (size_t place : places_) RETURN_IF_ERROR(ReadValue(place));
    ++file_.rows;
    return absl::OkStatus();
  }

  absl::Status ReadValue(size_t place) {
    const absl::string_view text = absl::StripAsciiWhitespace(fields_[place]);
    double value = 0;
    // Written so that a NaN is refused.
    if (!absl::SimpleAtod(text, &value) ||
        !(std::abs(value) <= std::numeric_limits<float>::max())) {
      return Error(absl::StrCat(
          "column ", QuoteForMessage(names_[place]), ": expected a number, ",
          text.empty() ? "found none"
                       : absl::StrCat("found ", QuoteForMessage(text))));
    }
    file_.values.push_back(static_cast<float>(value));
    return absl::OkStatus();
  }

  const std::string path_;
  const SeriesFileOptions& options_;
  const std::unique_ptr<LineReader> lines_;
  std::string line_;
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

absl::StatusOr<SeriesFile> ReadSeriesFile(const std::string& path,
                                          const SeriesFileOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<LineReader> lines, LineReader::Open(path));
  ASSIGN_OR_RETURN(SeriesFile file,
                   Reader(path, options, std::move(lines)).Read());
  ASSIGN_OR_RETURN(file.sha256, Sha256OfFile(path));
  return file;
}

std::vector<SeriesScale> MeasureScales(const SeriesFile& file, int64_t rows) {
  const size_t series = file.columns.size();
  std::vector<SeriesScale> scales(series);
  for (size_t c = 0; c < series; ++c) {
    double sum = 0;
    for (size_t i = 0; i < static_cast<size_t>(rows); ++i) {
      sum += file.values[i * series + c];
    }
    const double mean = sum / static_cast<double>(rows);
    double squares = 0;
    for (size_t i = 0; i < static_cast<size_t>(rows); ++i) {
      const double distance = file.values[i * series + c] - mean;
      squares += distance * distance;
    }
    const double deviation = std::sqrt(squares / static_cast<double>(rows));
    // Rounding leaves a little where nothing changes.
    const bool is_constant = deviation <= 1e-7 * std::abs(mean);
    scales[c] = {.name = file.columns[c],
                 .mean = mean,
                 .standard_deviation = is_constant ? 1 : deviation};
    if (deviation == 0) scales[c].standard_deviation = 1;
  }
  return scales;
}

WindowStream::WindowStream(int64_t windows, int rows, uint64_t seed)
    : windows_(windows), rows_(rows), seed_(seed) {}

int64_t WindowStream::batches_per_epoch() const {
  return (windows_ + rows_ - 1) / rows_;
}

std::vector<int64_t> WindowStream::Next() {
  std::vector<int64_t> batch;
  for (int64_t i = 0; i < rows_; ++i) {
    batch.push_back(WindowAt(batch_ * rows_ + i));
  }
  ++batch_;
  return batch;
}

int64_t WindowStream::WindowAt(int64_t example) {
  const int64_t epoch = example / windows_;
  if (epoch != epoch_) {
    order_.resize(static_cast<size_t>(windows_));
    std::iota(order_.begin(), order_.end(), 0);
    // Fisher and Yates.
    Random random(seed_, kWindowOrder, static_cast<uint64_t>(epoch));
    for (size_t i = order_.size() - 1; i > 0; --i) {
      std::swap(order_[i], order_[random.Below(i + 1)]);
    }
    epoch_ = epoch;
  }
  return order_[static_cast<size_t>(example % windows_)];
}

}  // namespace carousel
