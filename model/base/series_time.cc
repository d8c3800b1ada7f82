// SPDX-License-Identifier: Apache-2.0

#include "model/base/series_time.h"

#include <algorithm>
#include <cmath>

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

// Eight digits are a day, not a number: 20160731 is followed by 20160801.
constexpr size_t kDigitsOfADay = 8;

bool IsDay(absl::string_view text) {
  if (text.size() != kDigitsOfADay) return false;
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

bool ParseDate(absl::string_view text, absl::Time* time) {
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

// Steps of a number column, such as 0.1, are equal but for rounding.
constexpr double kRounding = 1e-6;

bool Near(double a, double b) {
  return std::abs(a - b) <= kRounding * std::max(std::abs(a), std::abs(b));
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
    const absl::Time expected = AddSteps(times[i - 1], step, 1);
    const absl::Duration length = expected - times[i - 1];
    if (absl::AbsDuration(times[i] - expected) > length * kRounding) return i;
  }
  return std::nullopt;
}

std::optional<TimeCheck::Time> TimeCheck::Parse(absl::string_view text) {
  Time result;
  absl::Time time;
  if (ParseDate(text, &time)) {
    const absl::CivilMonth month = MonthOf(time);
    result.is_date = true;
    result.date = time;
    result.value = absl::ToDoubleSeconds(time - absl::UnixEpoch());
    result.months = static_cast<int>(month.year()) * 12 + month.month();
    result.in_month = absl::ToDoubleSeconds(InMonth(time));
    return result;
  }
  if (!absl::SimpleAtod(text, &result.value)) return std::nullopt;
  if (!std::isfinite(result.value)) return std::nullopt;
  return result;
}

absl::Status TimeCheck::Add(absl::string_view text) {
  const std::optional<Time> time = Parse(text);
  if (!time || (last_ && time->is_date != last_->is_date)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected a time as \"2016-07-01 00:00:00\" or a number, found ",
        QuoteForMessage(text)));
  }
  if (last_) {
    const double step = time->value - last_->value;
    const bool by_months =
        time->is_date && Near(time->in_month, last_->in_month);
    const int month_step = time->months - last_->months;
    if (!step_) {
      step_ = step;
      if (by_months && month_step > 0) month_step_ = month_step;
    }
    if (!Near(step, *step_)) values_are_regular_ = false;
    if (!by_months || month_step != month_step_) month_step_.reset();
    if (step <= 0 || (!values_are_regular_ && !month_step_)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a gap in time: expected one step after ", QuoteForMessage(text_),
          ", as in the lines before, found ", QuoteForMessage(text)));
    }
  }
  text_ = std::string(text);
  last_ = time;
  return absl::OkStatus();
}

std::optional<absl::Time> TimeCheck::time() const {
  if (!last_ || !last_->is_date) return std::nullopt;
  return last_->date;
}

std::optional<TimeStep> TimeCheck::step() const {
  if (!step_ || !last_->is_date) return std::nullopt;
  if (month_step_) return TimeStep{.months = *month_step_};
  return TimeStep{.time = absl::Seconds(*step_)};
}

}  // namespace carousel
