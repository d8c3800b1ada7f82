// SPDX-License-Identifier: Apache-2.0

#include "model/base/series_time.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "model/base/quote.h"

namespace carousel {
namespace {

constexpr const char* kFormats[] = {"%Y-%m-%d %H:%M:%E*S",
                                    "%Y-%m-%dT%H:%M:%E*S",
                                    "%Y-%m-%d %H:%M",
                                    "%Y-%m-%dT%H:%M",
                                    "%Y-%m-%dT%H:%M:%E*SZ",
                                    "%Y-%m-%d",
                                    "%Y-%m"};

constexpr absl::string_view kFormsForPeople =
    "\"2016-07-01 00:00:00\", \"2016-07-01\", \"20160701\", \"2016-07\"";

// Eight digits are a day, not a number: 20160731 is followed by 20160801.
constexpr size_t kDigitsOfADay = 8;

bool IsDay(absl::string_view text) {
  if (text.size() != kDigitsOfADay) return false;
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

bool ParseText(absl::string_view text, absl::Time* time) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  if (IsDay(text)) {
    const std::string dashed = absl::StrCat(
        text.substr(0, 4), "-", text.substr(4, 2), "-", text.substr(6, 2));
    return absl::ParseTime("%Y-%m-%d", dashed, utc, time, nullptr);
  }
  for (const char* format : kFormats) {
    if (absl::ParseTime(format, text, utc, time, nullptr)) return true;
  }
  return false;
}

absl::CivilMonth MonthOf(absl::Time time) {
  return absl::CivilMonth(absl::ToCivilSecond(time, absl::UTCTimeZone()));
}

absl::Time BeginningOf(absl::CivilMonth month) {
  return absl::FromCivil(absl::CivilSecond(month), absl::UTCTimeZone());
}

absl::Duration InMonth(absl::Time time) {
  return time - BeginningOf(MonthOf(time));
}

// Calendars, and protobuf, know no others.
bool ParseDate(absl::string_view text, absl::Time* time) {
  if (!ParseText(text, time)) return false;
  const absl::civil_year_t year = MonthOf(*time).year();
  return year >= 1 && year <= 9999;
}

bool ParseNumber(absl::string_view text, double* number) {
  return absl::SimpleAtod(text, number) && std::isfinite(*number);
}

// What is wrong with `time` if it is not one step after `before`.
template <typename T>
absl::string_view FlawAfter(const std::optional<T>& before, const T& time) {
  if (before == time) return "a time that stands twice";
  return before > time ? "time goes backwards" : "a gap in time";
}

// A step may be off by so much of it.
constexpr double kRounding = 1e-6;

bool IsOneStep(absl::Time from, absl::Time to, const TimeStep& step) {
  const absl::Time expected = AddSteps(from, step, 1);
  return absl::AbsDuration(to - expected) <= (expected - from) * kRounding;
}

}  // namespace

std::string StepText(const TimeStep& step) {
  if (step.months == 0) return absl::FormatDuration(step.time);
  return absl::StrCat(step.months, step.months == 1 ? " month" : " months");
}

absl::Time AddSteps(absl::Time from, const TimeStep& step, int64_t steps) {
  if (step.months == 0) return from + steps * step.time;
  return BeginningOf(MonthOf(from) + steps * step.months) + InMonth(from);
}

std::vector<TimeStep> StepsBetween(absl::Time from, absl::Time to) {
  std::vector<TimeStep> steps;
  if (to <= from) return steps;
  if (InMonth(from) == InMonth(to)) {
    steps.push_back({.months = static_cast<int>(MonthOf(to) - MonthOf(from))});
  }
  steps.push_back({.time = to - from});
  return steps;
}

std::optional<size_t> FindBreak(absl::Span<const absl::Time> times,
                                const TimeStep& step) {
  for (size_t i = 1; i < times.size(); ++i) {
    if (!IsOneStep(times[i - 1], times[i], step)) return i;
  }
  return std::nullopt;
}

absl::Status TimeCheck::Add(absl::string_view text) {
  absl::Time date;
  double number = 0;
  const bool is_date = !number_.has_value() && ParseDate(text, &date);
  if (!is_date && (date_.has_value() || !ParseNumber(text, &number))) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a time as ", kFormsForPeople,
                     " or a number, found ", QuoteForMessage(text)));
  }
  const absl::string_view flaw =
      is_date ? FlawAfter(date_, date) : FlawAfter(number_, number);
  if (!(is_date ? AddDate(date) : AddNumber(number))) {
    return absl::InvalidArgumentError(absl::StrCat(
        flaw, ": expected one step after ", QuoteForMessage(text_),
        ", as in the lines before, found ", QuoteForMessage(text)));
  }
  text_ = std::string(text);
  return absl::OkStatus();
}

bool TimeCheck::AddDate(absl::Time date) {
  bool follows = true;
  if (date_.has_value()) {
    if (steps_.empty()) steps_ = StepsBetween(*date_, date);
    std::erase_if(steps_, [&](const TimeStep& step) {
      return !IsOneStep(*date_, date, step);
    });
    follows = !steps_.empty();
  }
  date_ = date;
  return follows;
}

bool TimeCheck::AddNumber(double number) {
  bool follows = true;
  if (number_.has_value()) {
    const double step = number - *number_;
    if (!number_step_.has_value()) number_step_ = step;
    // Both steps are differences of rounded numbers.
    const double rounding = kRounding * *number_step_ +
                            2 * std::numeric_limits<double>::epsilon() *
                                std::max(std::abs(number), std::abs(*number_));
    follows = step > 0 && std::abs(step - *number_step_) <= rounding;
  }
  number_ = number;
  return follows;
}

std::optional<TimeStep> TimeCheck::step() const {
  if (steps_.empty()) return std::nullopt;
  return steps_.front();
}

}  // namespace carousel
