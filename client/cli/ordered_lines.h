// SPDX-License-Identifier: Apache-2.0
//
// The lines of the input, answered in their order though the answers come in
// any: what `carousel complete`, `score` and `translate` do without a TEXT. A
// line that fails keeps its place in the output, and those behind it are done.

#ifndef CAROUSEL_CLIENT_CLI_ORDERED_LINES_H_
#define CAROUSEL_CLIENT_CLI_ORDERED_LINES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/cli/cli.h"
#include "client/cli/json.h"
#include "model/base/mutex.h"

namespace carousel {

// Thread-safe: one thread reads, others bring answers. Lines that wait for an
// earlier one are bounded by Client::ScoreAll and TranslateAll, which ask for
// no more behind a text that is not answered.
template <typename Response>
class OrderedLines {
 public:
  // How an answer is printed, and why line `number`, from 1, has none. With
  // --json an error is an object. `separator`: between two lines' outputs.
  struct Printer {
    std::function<absl::Status(const std::string& text, const Response&)> print;
    std::function<void(int64_t number, absl::string_view reason)> print_error;
    absl::string_view separator = "";
    bool json = false;
  };

  // `console` must outlive it. `done`: what becomes of a line, "scored".
  OrderedLines(Console* console, Printer printer, absl::string_view done)
      : console_(*console), printer_(std::move(printer)), done_(done) {}

  // The next line; nothing at the end of the input.
  std::optional<std::string> Next() {
    std::string line;
    if (!std::getline(console_.in, line)) return std::nullopt;
    std::string text(absl::StripSuffix(line, "\r"));
    MutexLock lock(&mutex_);
    open_.emplace(read_++, Line{text, std::nullopt});
    return text;
  }

  // `place`: from 0. What can be shown goes out at once: the reader of a pipe
  // waits for it, and a run that breaks off has not lost it.
  void Answer(int64_t place, absl::StatusOr<Response> response) {
    MutexLock lock(&mutex_);
    const auto found = open_.find(place);
    if (found == open_.end()) return;
    found->second.response = std::move(response);
    const int64_t shown = shown_;
    while (!open_.empty() && open_.begin()->second.response.has_value()) {
      Show(open_.begin()->first, open_.begin()->second);
      open_.erase(open_.begin());
    }
    if (shown_ > shown) console_.out.flush();
  }

  // Lines that Next gave.
  int64_t read() const {
    MutexLock lock(&mutex_);
    return read_;
  }

  // Whether every line has an answer.
  absl::Status status() const {
    MutexLock lock(&mutex_);
    if (failed_ == 0) return absl::OkStatus();
    return absl::Status(first_error_.code(), Failures(read_));
  }

  // The error of a run that `cause` ended: how far it came, and where to go on.
  absl::Status BrokenOff(const absl::Status& cause) const {
    MutexLock lock(&mutex_);
    if (shown_ == 0) return cause;
    return absl::Status(
        cause.code(),
        absl::StrCat(cause.message(), "; lines done: ", shown_,
                     "; go on from line ", shown_ + 1, failed_ == 0 ? "" : "; ",
                     failed_ == 0 ? "" : Failures(shown_)));
  }

 private:
  std::string Failures(int64_t lines) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return absl::StrCat(failed_, " of ", lines, " lines could not be ", done_,
                        "; the first: ", first_error_.message());
  }

  struct Line {
    std::string text;
    std::optional<absl::StatusOr<Response>> response;
  };

  void Show(int64_t place, const Line& line)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (shown_++ > 0) console_.out << printer_.separator;
    absl::Status status = line.response->status();
    if (status.ok()) status = printer_.print(line.text, **line.response);
    if (status.ok()) return;
    if (printer_.json) {
      console_.out << ErrorJson(status);
    } else {
      printer_.print_error(place + 1, status.message());
    }
    if (failed_++ == 0) {
      first_error_ = absl::Status(
          status.code(),
          absl::StrCat("line ", place + 1, ": ", status.message()));
    }
  }

  Console& console_;
  const Printer printer_;
  const std::string done_;
  mutable Mutex mutex_;
  int64_t read_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, Line> open_ ABSL_GUARDED_BY(mutex_);
  int64_t shown_ ABSL_GUARDED_BY(mutex_) = 0;  // lines, without a gap
  int64_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status first_error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_ORDERED_LINES_H_
