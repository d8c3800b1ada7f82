// SPDX-License-Identifier: Apache-2.0
//
// The processes that train one model together, each on its share of every
// batch (data parallel). What a training loop needs of them: who am I, and
// sums over all.

#ifndef CAROUSEL_MODEL_TRAIN_COMMUNICATOR_H_
#define CAROUSEL_MODEL_TRAIN_COMMUNICATOR_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace carousel {

// A contiguous part of the rows of a batch.
struct RowSlice {
  int first = 0;
  int count = 0;
};

// Thread-compatible. The sums block until every process has called them, in the
// same order; each process gets the same bits.
class Communicator {
 public:
  virtual ~Communicator() = default;

  // This process, from 0, and how many there are. Rank 0 writes the files.
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Replaces each value by its sum over the processes. INTERNAL if the
  // connection is lost.
  virtual absl::Status AllReduceSum(absl::Span<float> values) = 0;
  virtual absl::Status AllReduceSum(absl::Span<double> values) = 0;

  // The largest of the processes' values, e.g. whether any has been told to
  // stop.
  virtual absl::StatusOr<int64_t> AllReduceMax(int64_t value) = 0;

  // Returns when every process has come here.
  absl::Status Barrier() { return AllReduceMax(0).status(); }

  bool is_writer() const { return rank() == 0; }

  // This process's part of `rows` rows: they are divided as evenly as can be,
  // the first ones getting one more.
  RowSlice Slice(int rows) const {
    const int each = rows / size();
    const int more = rows % size();
    const int rank_rows = each + (rank() < more ? 1 : 0);
    return {.first = rank() * each + (rank() < more ? rank() : more),
            .count = rank_rows};
  }

  // A process that trains alone. Never destroyed.
  static Communicator& Alone();
};

// Of a process that trains alone: nothing is sent anywhere.
class AloneCommunicator : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  absl::Status AllReduceSum(absl::Span<float>) override {
    return absl::OkStatus();
  }
  absl::Status AllReduceSum(absl::Span<double>) override {
    return absl::OkStatus();
  }
  absl::StatusOr<int64_t> AllReduceMax(int64_t value) override { return value; }
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_COMMUNICATOR_H_
