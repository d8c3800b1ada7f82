// SPDX-License-Identifier: Apache-2.0
//
// Times of a series: reading them, and whether they follow each other without a
// gap.

#ifndef CAROUSEL_MODEL_TRAIN_SERIES_TIME_H_
#define CAROUSEL_MODEL_TRAIN_SERIES_TIME_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace carousel {

// Thread-compatible. Is told the times of a series in turn. Days and seconds
// may be the step, or months ("1949-01", or the first of every month), which
// are not equally long.
class TimeCheck {
 public:
  // INVALID_ARGUMENT, saying what was expected, if `text` is no time, or not
  // one step after the time before; the first two make the step.
  absl::Status Add(absl::string_view text);

 private:
  struct Time {
    double value = 0;  // seconds, or the number that it is
    bool is_date = false;
    int months = 0;       // since year 0
    double in_month = 0;  // seconds since the month's beginning
  };

  static std::optional<Time> Parse(absl::string_view text);

  std::string text_;  // of the last one
  std::optional<Time> last_;
  std::optional<double> step_;     // of the values
  std::optional<int> month_step_;  // while all are equal in the month
  bool values_are_regular_ = true;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_SERIES_TIME_H_
