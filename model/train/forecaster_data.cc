// SPDX-License-Identifier: Apache-2.0

#include "model/train/forecaster_data.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "model/base/random.h"

namespace carousel {
namespace {

// Key of the random stream, so that it meets no other.
constexpr uint64_t kWindowOrder = 0x77696e646f77;

}  // namespace

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
