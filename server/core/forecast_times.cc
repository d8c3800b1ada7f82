// SPDX-License-Identifier: Apache-2.0

#include "server/core/forecast_times.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "server/core/errors.h"
#include "server/core/times.h"

namespace carousel {
namespace {

// Of a google.protobuf.Timestamp: from the year 1 to the year 9999.
constexpr int64_t kFirstSecond = -62135596800;
constexpr int64_t kLastSecond = 253402300799;
constexpr int32_t kNanosOfSecond = 1000000000;

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

std::string FieldAt(size_t i) { return absl::StrCat("timestamps[", i, "]"); }

absl::StatusOr<std::vector<absl::Time>> ToTimes(const Timestamps& timestamps) {
  std::vector<absl::Time> times;
  times.reserve(static_cast<size_t>(timestamps.size()));
  for (const auto& timestamp : timestamps) {
    if (timestamp.seconds() < kFirstSecond ||
        timestamp.seconds() > kLastSecond || timestamp.nanos() < 0 ||
        timestamp.nanos() >= kNanosOfSecond) {
      return InvalidField(
          FieldAt(times.size()),
          absl::StrCat("expected a time of the years 1 to 9999, and 0 to ",
                       kNanosOfSecond - 1, " ns, found ", timestamp.seconds(),
                       " s and ", timestamp.nanos(), " ns"));
    }
    times.push_back(ToTime(timestamp));
  }
  return times;
}

// `found`, the time at `i`, is not one step after `before`.
absl::Status BreakAt(size_t i, absl::Time before, absl::Time found,
                     const std::optional<TimeStep>& step) {
  std::string expected = absl::StrCat("a time after ", TimeText(before));
  if (step.has_value()) {
    expected =
        absl::StrCat(TimeText(AddSteps(before, *step, 1)), ", one step (",
                     StepText(*step), ") after the one before it");
  }
  absl::string_view what = "which is not at a step";
  if (found == before) {
    what = "twice";
  } else if (found < before) {
    what = "which is out of order";
  } else if (step.has_value() && found >= AddSteps(before, *step, 2)) {
    what = "so steps are missing";
  }
  return InvalidField(
      FieldAt(i),
      absl::StrCat("expected ", expected, ", found ", TimeText(found),
                   found == before ? " " : ", ", what));
}

// What lies between each of `times` and the next; nothing if that is not known.
absl::StatusOr<std::optional<TimeStep>> StepOf(
    absl::Span<const absl::Time> times,
    const std::optional<TimeStep>& interval) {
  std::vector<TimeStep> steps;
  if (interval.has_value()) {
    steps = {*interval};
  } else if (times.size() < 2) {
    return std::nullopt;
  } else {
    steps = StepsBetween(times[0], times[1]);
  }
  if (steps.empty()) return BreakAt(1, times[0], times[1], std::nullopt);
  // Of two that may be meant the one that goes further is.
  size_t furthest = 0;
  TimeStep meant;
  for (const TimeStep& step : steps) {
    const std::optional<size_t> at = FindBreak(times, step);
    if (!at.has_value()) return step;
    if (*at > furthest) {
      furthest = *at;
      meant = step;
    }
  }
  return BreakAt(furthest, times[furthest - 1], times[furthest], meant);
}

}  // namespace

absl::StatusOr<std::vector<absl::Time>> TimesAfter(
    const Timestamps& history, const std::optional<TimeStep>& interval,
    int steps) {
  std::vector<absl::Time> after;
  ASSIGN_OR_RETURN(const std::vector<absl::Time> times, ToTimes(history));
  if (times.empty()) return after;
  ASSIGN_OR_RETURN(const std::optional<TimeStep> step, StepOf(times, interval));
  if (!step.has_value()) return after;
  if (AddSteps(times.back(), *step, steps) >=
      absl::FromUnixSeconds(kLastSecond + 1)) {
    return InvalidField(
        "timestamps", absl::StrCat("expected a forecast, ", steps, " steps of ",
                                   StepText(*step),
                                   ", up to the year 9999, "
                                   "found a history up to ",
                                   TimeText(times.back())));
  }
  after.reserve(static_cast<size_t>(steps));
  for (int i = 1; i <= steps; ++i) {
    after.push_back(AddSteps(times.back(), *step, i));
  }
  return after;
}

}  // namespace carousel
