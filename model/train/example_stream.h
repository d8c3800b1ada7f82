// SPDX-License-Identifier: Apache-2.0
//
// Whole texts, each with a label or with another text, as batches of similar
// lengths. Sources are right-aligned in their bucket, so that the last step is
// every row's last and final states are right for every row; targets are
// left-aligned:
//
//   source  . . a b c $      target in   $ x y z .      out  x y z $ -1
//   reset   0 0 1 0 0 0
//
// An epoch goes through every example once, in a new random order. What does
// not fill a batch of its bucket goes to a longer bucket where that is cheaper,
// else the batch has rows without an example: they read one <eos>, and no
// target of theirs counts.

#ifndef CAROUSEL_MODEL_TRAIN_EXAMPLE_STREAM_H_
#define CAROUSEL_MODEL_TRAIN_EXAMPLE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/train/length_buckets.h"

namespace carousel {

// Pairs of token sequences, compactly. Thread-compatible.
class ExampleSet {
 public:
  // `target` without begin and end marks, or one label.
  void Add(absl::Span<const int32_t> source, absl::Span<const int32_t> target);

  int64_t size() const { return static_cast<int64_t>(ends_.size()) / 2; }
  absl::Span<const int32_t> source(int64_t i) const { return Text(2 * i); }
  absl::Span<const int32_t> target(int64_t i) const { return Text(2 * i + 1); }

  // Differs, but for chance, when any token differs.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  absl::Span<const int32_t> Text(int64_t k) const;

  std::vector<int32_t> tokens_;
  std::vector<int64_t> ends_;  // of source and target, in turn
  uint64_t fingerprint_ = 0;
};

struct ExampleStreamOptions {
  // The target of every example is one label, not a text.
  bool labels = false;

  // Rows of a batch, at most. With `tokens`, fewer where N * (S + T) would
  // exceed it (of labels: N * S), so that long rows make small batches.
  int rows = 32;
  int64_t tokens = 0;

  // Longer examples are left out and counted. The <eos> of the target counts.
  int max_source = 400;
  int max_target = 400;

  // Different (S, T), at most.
  int max_buckets = 16;

  uint64_t seed = 1;

  // False: one pass, not shuffled; then Next() returns false.
  bool training = true;

  // This process's share of every batch: rows [part * N / parts, (part + 1) *
  // N / parts), which may be none. N does not depend on `parts`.
  int part = 0;
  int parts = 1;
};

// Time-major; N is the number of rows of this process.
struct ExampleBatch {
  static constexpr int32_t kNoTarget = -1;
  static constexpr int64_t kNoExample = -1;

  int source_steps = 0;  // S
  int target_steps = 0;  // T; 1 for labels
  int rows = 0;          // N
  int first_row = 0;     // of this process within the whole batch
  int global_rows = 0;   // of the whole batch

  std::vector<int32_t> source;     // (S, N)
  std::vector<uint8_t> resets;     // (S, N): 1 where a row's text begins
  std::vector<int32_t> lengths;    // (N): steps of the source, at least 1
  std::vector<int32_t> target_in;  // (T, N): what the decoder reads; or empty
  std::vector<int32_t> targets;    // (T, N): what it should say, or kNoTarget
  std::vector<int64_t> examples;   // (N): within the set, or kNoExample
};

// Thread-compatible. Equal options, examples and position give equal batches.
class ExampleStream {
 public:
  // REQUIRES: at least one example is short enough (see CountTooLong()).
  ExampleStream(std::shared_ptr<const ExampleSet> examples,
                const ExampleStreamOptions& options);

  // How many examples the stream would leave out.
  static int64_t CountTooLong(const ExampleSet& examples,
                              const ExampleStreamOptions& options);

  // The next batch, in `*batch`; false after the only pass.
  bool Next(ExampleBatch* batch);

  // Passes that are finished.
  int64_t epoch() const { return epoch_; }

  // The same in every epoch.
  int64_t batches_per_epoch() const {
    return static_cast<int64_t>(batches_.size());
  }

  // The shapes in use, the cheapest first, and the rows of their batches.
  absl::Span<const PairLength> buckets() const { return buckets_; }
  int RowsOf(const PairLength& bucket) const;

  int64_t too_long() const { return too_long_; }

  // Where the stream stands, as JSON, for a checkpoint.
  std::string Position() const;

  // Takes up where Position() was taken. INVALID_ARGUMENT if it is not one of a
  // stream with these examples and options; the stream is then unchanged.
  absl::Status Seek(absl::string_view position);

 private:
  struct Batch {
    size_t bucket;
    std::vector<int64_t> examples;
  };

  PairLength LengthOf(int64_t example) const;
  void StartEpoch();
  size_t RoomFor(size_t bucket, int64_t rest) const;
  void CutBatches(std::vector<std::vector<int64_t>> members);
  void FillSource(int64_t example, int row, ExampleBatch* batch) const;
  void FillTarget(int64_t example, int row, ExampleBatch* batch) const;
  uint64_t Fingerprint() const;

  const std::shared_ptr<const ExampleSet> examples_;
  const ExampleStreamOptions options_;
  std::vector<PairLength> buckets_;
  int64_t too_long_ = 0;

  int64_t epoch_ = 0;
  std::vector<Batch> batches_;  // of this epoch, in order
  size_t next_batch_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_EXAMPLE_STREAM_H_
