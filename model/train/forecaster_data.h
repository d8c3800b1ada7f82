// SPDX-License-Identifier: Apache-2.0
//
// Series of a file (model/base/series_file.h): their scales, and windows of
// them as batches.

#ifndef CAROUSEL_MODEL_TRAIN_FORECASTER_DATA_H_
#define CAROUSEL_MODEL_TRAIN_FORECASTER_DATA_H_

#include <cstdint>
#include <vector>

#include "model/base/series_file.h"
#include "model/bundle/manifest.h"

namespace carousel {

// Mean and standard deviation of each column over the rows [0, rows). A column
// that does not change there gets the deviation 1. REQUIRES: 1 <= rows <=
// file.rows.
std::vector<SeriesScale> MeasureScales(const SeriesFile& file, int64_t rows);

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
