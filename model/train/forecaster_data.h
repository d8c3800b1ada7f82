// SPDX-License-Identifier: Apache-2.0
//
// Series from a CSV file: a header, a time column, and columns of numbers; and
// windows of them as batches.

#ifndef CAROUSEL_MODEL_TRAIN_FORECASTER_DATA_H_
#define CAROUSEL_MODEL_TRAIN_FORECASTER_DATA_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/bundle/manifest.h"

namespace carousel {

struct SeriesFileOptions {
  std::string time_column = {};           // empty: the first
  std::vector<std::string> columns = {};  // of values; empty: all the others
  bool check_times = true;                // for gaps
};

struct SeriesFile {
  std::vector<std::string> columns;  // (C)
  int64_t rows = 0;
  std::vector<float> values;  // (rows, C)
  std::string sha256;         // of the file
};

// Reads a CSV file (RFC 4180: fields may be quoted, "" is a quotation mark),
// `.gz` too. Times are "2016-07-01 00:00:00" (or with a T, without seconds,
// without a time), "20160701", "2016-07" or numbers, and rise by equal steps,
// in days and seconds or in months.
//
// INVALID_ARGUMENT with file and line for: a header that is not UTF-8, without
// a column that is asked for or with one twice, another number of fields, a
// quoted field that does not end, a time that is none or is not one step after
// the line before, a value that is missing, no number, not finite, or that a
// float cannot hold; and for a file without rows.
absl::StatusOr<SeriesFile> ReadSeriesFile(const std::string& path,
                                          const SeriesFileOptions& options);

// Mean and standard deviation of each column over the rows [0, rows). A column
// that does not change there gets the deviation 1. REQUIRES: 1 <= rows <=
// file.rows.
std::vector<SeriesScale> MeasureScales(const SeriesFile& file, int64_t rows);

// The fields of a line. INVALID_ARGUMENT if a quoted field does not end, or
// goes on after its end.
absl::StatusOr<std::vector<std::string>> SplitCsvLine(absl::string_view line);

// Windows with their targets in an order that is shuffled anew every epoch, in
// batches of equal size that may reach over the end of an epoch. What a batch
// holds depends on its number and the seed alone.
class WindowStream {
 public:
  // Window `w` of [0, windows) begins at row w.
  WindowStream(int64_t windows, int rows, uint64_t seed);

  int64_t batches_per_epoch() const;

  // The windows of the next batch, `rows` of them.
  std::vector<int64_t> Next();

  // The number of the next batch.
  int64_t batch() const { return batch_; }
  void Seek(int64_t batch) { batch_ = batch; }

 private:
  int64_t WindowAt(int64_t example);

  const int64_t windows_;
  const int64_t rows_;
  const uint64_t seed_;
  int64_t batch_ = 0;
  int64_t epoch_ = -1;          // that `order_` is of
  std::vector<int64_t> order_;  // of the windows
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_FORECASTER_DATA_H_
