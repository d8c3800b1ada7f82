// SPDX-License-Identifier: Apache-2.0
//
// Cuts a corpus into batches for truncated back-propagation through time.
//
// `line` context: lines come in a new random order in every epoch; a row reads
// line after line, each from a zero state, and goes on in the next batch where
// a line does not fit. Rows have no gaps. To shuffle without holding the corpus
// in memory, it is cut into blocks of about 64 Ki tokens; an epoch goes through
// the blocks in random order, 64 at a time, and through the lines of those 64
// in random order: a corpus of up to 4 Mi tokens is shuffled perfectly, and
// memory never exceeds the places of 4 Mi tokens' lines.
//
// `stream` context: row n of N reads the n-th part of the corpus from beginning
// to end, with its state carried over; states start from zero in every epoch.

#ifndef CAROUSEL_MODEL_TRAIN_BATCH_STREAM_H_
#define CAROUSEL_MODEL_TRAIN_BATCH_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/bundle/manifest.h"
#include "model/train/corpus.h"
#include "model/train/language_model_trainer.h"
#include "nlohmann/json_fwd.hpp"

namespace carousel {

struct BatchStreamOptions {
  LineContext context = LineContext::kLine;
  int rows = 32;
  int steps = 35;
  uint64_t seed = 1;

  // False: one pass in the order of the corpus, for measuring; then Next()
  // returns false. What is left of the last batches is kNoTarget.
  bool training = true;

  // Of the shuffle; tests make them small.
  int64_t block_tokens = 64 * 1024;
  int64_t blocks_at_once = 64;
};

// Thread-compatible. Equal options, corpus and position give equal batches.
class BatchStream {
 public:
  BatchStream(std::shared_ptr<const Corpus> corpus,
              const BatchStreamOptions& options);

  // The next T x N tokens, in `*batch`; false after the only pass.
  bool Next(LanguageModelBatch* batch);

  // Passes through the corpus that are finished. In `line` context rows finish
  // at different moments: the pass ends when its last line is handed out.
  int64_t epoch() const { return epoch_; }

  // Batches in an epoch, rounded up.
  int64_t batches_per_epoch() const;

  // Where the stream stands, as JSON, for a checkpoint.
  std::string Position() const;

  // Takes up where Position() was taken. INVALID_ARGUMENT if it is not one of a
  // stream with this corpus and these options; the stream is then unchanged.
  absl::Status Seek(absl::string_view position);

 private:
  static constexpr int64_t kNoLine = -1;

  void StartEpoch();
  void StartGroup();
  int64_t NextLine();
  void FillRow(int row, LanguageModelBatch* batch);
  bool Exhausted() const;
  absl::Status CheckPosition(const nlohmann::json& json) const;
  int64_t RowEnd(int row) const;

  const std::shared_ptr<const Corpus> corpus_;
  const BatchStreamOptions options_;
  std::vector<int64_t> blocks_;  // where each begins; the last entry is the end

  int64_t epoch_ = 0;
  bool epoch_begins_ = true;    // `stream`: the next step resets every row
  int64_t group_ = 0;           // `line`: of blocks, within the epoch
  size_t next_line_ = 0;        // within lines_
  std::vector<int64_t> order_;  // of the blocks, in this epoch
  std::vector<int64_t> lines_;  // where the lines of the group begin, shuffled
  std::vector<int64_t> cursors_;  // per row: its next target, or kNoLine
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_BATCH_STREAM_H_
