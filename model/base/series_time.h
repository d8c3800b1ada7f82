// SPDX-License-Identifier: Apache-2.0
//
// Times of a series: reading them, what lies between them, and whether they
// follow each other without a gap.

#ifndef CAROUSEL_MODEL_BASE_SERIES_TIME_H_
#define CAROUSEL_MODEL_BASE_SERIES_TIME_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace carousel {

// What lies between a time of a series and the next one: months, which are not
// equally long, or always as much time. Calendars are those of UTC.
struct TimeStep {
  int months = 0;
  absl::Duration time = {};  // if there are no months

  bool operator==(const TimeStep&) const = default;
};

// "1h", "3 months".
std::string StepText(const TimeStep& step);

// So many steps after `from`.
absl::Time AddSteps(absl::Time from, const TimeStep& step, int64_t steps);

// The steps that may lead from one time to another: months, if both are equally
// far from the beginning of theirs, and the time between them. None if `to` is
// not after `from`.
std::vector<TimeStep> StepsBetween(absl::Time from, absl::Time to);

// The place of the first of `times` that is not one step after the time before;
// nothing if each is.
std::optional<size_t> FindBreak(absl::Span<const absl::Time> times,
                                const TimeStep& step);

// Thread-compatible. Is told the times of a series in turn. Days and seconds
// may be the step, or months ("1949-01", or the first of every month), which
// are not equally long. Steps may differ by a millionth, for times that their
// writer has rounded.
class TimeCheck {
 public:
  // INVALID_ARGUMENT, saying what was expected, if `text` is no time of the
  // years 1 to 9999 and no number, or not one step after the time before: the
  // same again, an earlier one, or a gap. The first two make the step.
  absl::Status Add(absl::string_view text);

  // The last one; nothing if times are numbers.
  std::optional<absl::Time> time() const { return date_; }

  // What lies between them; nothing if they are numbers, or fewer than two.
  std::optional<TimeStep> step() const;

 private:
  // Whether it is one step after the one before, if there is one.
  bool AddDate(absl::Time date);
  bool AddNumber(double number);

  std::string text_;  // of the last one

  // The last one; both are nothing before the first.
  std::optional<absl::Time> date_;
  std::optional<double> number_;

  // Of dates: those of the first two that have led on to all others.
  std::vector<TimeStep> steps_;
  std::optional<double> number_step_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_SERIES_TIME_H_
