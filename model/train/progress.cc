// SPDX-License-Identifier: Apache-2.0
#include "model/train/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace carousel {
namespace {

constexpr absl::Duration kBarInterval = absl::Milliseconds(200);
constexpr absl::Duration kLineInterval = absl::Seconds(10);
constexpr int kBarCells = 20;

}  // namespace

std::string FormatBar(double fraction, int cells) {
  fraction = std::clamp(fraction, 0.0, 1.0);
  const auto done = static_cast<size_t>(fraction * cells);
  return absl::StrFormat("[%s%s] %3d%%", std::string(done, '#'),
                         std::string(static_cast<size_t>(cells) - done, '-'),
                         static_cast<int>(fraction * 100));
}

std::string FormatTimeLeft(absl::Duration duration) {
  const int64_t seconds = absl::ToInt64Seconds(duration);
  if (seconds < 0 || duration == absl::InfiniteDuration()) return "?";
  if (seconds < 60) return absl::StrCat(seconds, "s");
  if (seconds < 3600) {
    return absl::StrFormat("%dm%02ds", seconds / 60, seconds % 60);
  }
  return absl::StrFormat("%dh%02dm", seconds / 3600, seconds / 60 % 60);
}

std::string FormatCount(double count) {
  if (count < 1000) return absl::StrFormat("%.0f", count);
  if (count < 1e6) return absl::StrFormat("%.1fk", count / 1e3);
  return absl::StrFormat("%.1fM", count / 1e6);
}

std::string FormatTrainingProgress(const TrainingProgress& p) {
  const double done = static_cast<double>(p.step) /
                      static_cast<double>(std::max<int64_t>(1, p.total_steps));
  return absl::StrFormat(
      "%s  step %d/%d  epoch %.2f  %s %s/s  loss %.3f%s  rate %.2e  %s left",
      FormatBar(done, kBarCells), p.step, p.total_steps, p.epoch,
      FormatCount(p.tokens_per_second), p.unit, p.loss,
      p.perplexity ? absl::StrFormat("  perplexity %.1f", std::exp(p.loss))
                   : "",
      p.learning_rate, FormatTimeLeft(p.left));
}

absl::StatusOr<ProgressStyle> ParseProgressStyle(absl::string_view name) {
  if (name == "auto") return ProgressStyle::kAutomatic;
  if (name == "bar") return ProgressStyle::kBar;
  if (name == "lines") return ProgressStyle::kLines;
  if (name == "none") return ProgressStyle::kNone;
  return absl::InvalidArgumentError(absl::StrCat(
      "progress: expected auto, bar, lines or none, found \"", name, "\""));
}

Progress::Progress(std::FILE* stream, ProgressStyle style, const Clock& clock)
    : stream_(stream), clock_(clock), style_(style) {
  if (style_ == ProgressStyle::kAutomatic) {
    style_ =
        isatty(fileno(stream)) ? ProgressStyle::kBar : ProgressStyle::kLines;
  }
}

Progress::~Progress() {
  if (open_) std::fputc('\n', stream_);
  std::fflush(stream_);
}

bool Progress::due() const {
  if (style_ == ProgressStyle::kNone) return false;
  return clock_.Now() - last_ >=
         (style_ == ProgressStyle::kBar ? kBarInterval : kLineInterval);
}

void Progress::Show(absl::string_view line) {
  if (!due()) return;
  last_ = clock_.Now();
  open_ = style_ == ProgressStyle::kBar;
  // "\r" goes to the beginning of the line, "\033[K" clears what follows.
  const std::string text =
      open_ ? absl::StrCat("\r", line, "\033[K") : absl::StrCat(line, "\n");
  std::fwrite(text.data(), 1, text.size(), stream_);
  std::fflush(stream_);
}

void Progress::Note(absl::string_view line) {
  const std::string text =
      open_ ? absl::StrCat("\r", line, "\033[K\n") : absl::StrCat(line, "\n");
  std::fwrite(text.data(), 1, text.size(), stream_);
  std::fflush(stream_);
  open_ = false;
}

}  // namespace carousel
