// SPDX-License-Identifier: Apache-2.0
//
// What a person sees of a long run: on a terminal one line that is redrawn, in
// a log a plain line now and then.

#ifndef CAROUSEL_MODEL_TRAIN_PROGRESS_H_
#define CAROUSEL_MODEL_TRAIN_PROGRESS_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "model/base/clock.h"

namespace carousel {

// "[########------------]  40%", `cells` wide between the brackets.
std::string FormatBar(double fraction, int cells);

// "2h05m", "3m20s", "14s".
std::string FormatTimeLeft(absl::Duration duration);

// 12345.6 -> "12.3k", 987 -> "987".
std::string FormatCount(double count);

struct TrainingProgress {
  int64_t step = 0;
  int64_t total_steps = 0;
  double epoch = 0;
  absl::string_view unit = "tokens";
  double tokens_per_second = 0;
  double loss = 0;         // of a token
  bool perplexity = true;  // show exp(loss) too
  double learning_rate = 0;
  absl::Duration left;
};

// "[###-----]  40%  step 400/1000  epoch 1.20  1.9k tokens/s  loss 4.512  ..."
std::string FormatTrainingProgress(const TrainingProgress& progress);

enum class ProgressStyle {
  kAutomatic,  // kBar if the stream is a terminal, else kLines
  kBar,        // one line, redrawn
  kLines,      // a line every ten seconds
  kNone,       // notes only
};

// "auto", "bar", "lines", "none". INVALID_ARGUMENT for any other.
absl::StatusOr<ProgressStyle> ParseProgressStyle(absl::string_view name);

// Takes a line for whoever looks on.
using Note = std::function<void(absl::string_view line)>;

// Writes to a stream, which must outlive it. Thread-compatible.
class Progress {
 public:
  Progress(std::FILE* stream, ProgressStyle style,
           const Clock& clock = Clock::Real());
  ~Progress();  // ends the line

  // Whether Show would draw: what is shown need not be computed otherwise.
  bool due() const;

  // Draws `line` if it is due.
  void Show(absl::string_view line);

  // A line that stays: always written.
  void Note(absl::string_view line);

 private:
  std::FILE* const stream_;
  const Clock& clock_;
  ProgressStyle style_;
  absl::Time last_ = absl::InfinitePast();
  bool open_ = false;  // the cursor stands in a drawn line
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_PROGRESS_H_
