// SPDX-License-Identifier: Apache-2.0

#include "server/engine/state_pool.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "model/base/check.h"

namespace carousel {
namespace {

// Vectors of H numbers in a state: h of each layer and direction, and c.
size_t Parts(const StackSizes& sizes) {
  const auto cells = static_cast<size_t>(sizes.layers * sizes.directions());
  return HasMemory(sizes.cell) ? 2 * cells : cells;
}

// Part `part` of row `row` of a state of several rows.
float* PartOf(RecurrentState* state, size_t parts_of_h, size_t hidden,
              size_t part, size_t row) {
  std::vector<float>& values = part < parts_of_h ? state->h : state->c;
  const auto rows = static_cast<size_t>(state->rows);
  return values.data() + ((part % parts_of_h) * rows + row) * hidden;
}

}  // namespace

StatePool::StatePool(const StackSizes& sizes)
    : sizes_(sizes),
      floats_(Parts(sizes) * static_cast<size_t>(sizes.hidden)) {}

StatePool::Row::Row(Row&& other) noexcept { *this = std::move(other); }

StatePool::Row& StatePool::Row::operator=(Row&& other) noexcept {
  if (this == &other) return *this;
  if (data_ != nullptr) pool_->GiveBack(data_);
  pool_ = other.pool_;
  data_ = std::exchange(other.data_, nullptr);
  return *this;
}

StatePool::Row::~Row() {
  if (data_ != nullptr) pool_->GiveBack(data_);
}

absl::Span<float> StatePool::Row::values() const {
  CAROUSEL_CHECK(data_ != nullptr);
  return {data_, pool_->floats_};
}

StatePool::Row StatePool::Take() {
  float* data = nullptr;
  {
    MutexLock lock(&mutex_);
    if (free_.empty()) {
      blocks_.push_back(std::make_unique<float[]>(kRowsOfBlock * floats_));
      for (size_t i = kRowsOfBlock; i > 0; --i) {
        free_.push_back(blocks_.back().get() + (i - 1) * floats_);
      }
    }
    data = free_.back();
    free_.pop_back();
    ++taken_;
  }
  std::fill_n(data, floats_, 0.0f);
  return Row(this, data);
}

// Whoever still reads the row reads nonsense, which in f32 and bf16 spreads to
// every answer and is seen.
void StatePool::GiveBack(float* data) {
  std::fill_n(data, floats_, std::numeric_limits<float>::quiet_NaN());
  MutexLock lock(&mutex_);
  free_.push_back(data);
  --taken_;
}

void StatePool::Gather(absl::Span<const Row* const> rows,
                       RecurrentState* state) const {
  const auto hidden = static_cast<size_t>(sizes_.hidden);
  const size_t parts_of_h =
      state->h.size() / hidden / static_cast<size_t>(state->rows);
  for (size_t part = 0; part < Parts(sizes_); ++part) {
    for (size_t row = 0; row < static_cast<size_t>(state->rows); ++row) {
      float* to = PartOf(state, parts_of_h, hidden, part, row);
      if (row < rows.size()) {
        std::copy_n(rows[row]->data_ + part * hidden, hidden, to);
      } else {
        std::fill_n(to, hidden, 0.0f);
      }
    }
  }
}

void StatePool::Scatter(const RecurrentState& state,
                        absl::Span<const Row* const> rows) const {
  const auto hidden = static_cast<size_t>(sizes_.hidden);
  const auto width = static_cast<size_t>(state.rows);
  const size_t parts_of_h = state.h.size() / hidden / width;
  for (size_t part = 0; part < Parts(sizes_); ++part) {
    const std::vector<float>& values = part < parts_of_h ? state.h : state.c;
    for (size_t row = 0; row < rows.size(); ++row) {
      std::copy_n(values.data() + ((part % parts_of_h) * width + row) * hidden,
                  hidden, rows[row]->data_ + part * hidden);
    }
  }
}

size_t StatePool::rows_taken() const {
  MutexLock lock(&mutex_);
  return taken_;
}

size_t StatePool::memory_bytes() const {
  MutexLock lock(&mutex_);
  return blocks_.size() * kRowsOfBlock * floats_ * sizeof(float);
}

}  // namespace carousel
