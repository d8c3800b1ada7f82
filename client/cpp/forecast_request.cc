// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/forecast_request.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/cpp/utf8.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

absl::Status AddTimestamps(absl::Span<const absl::Time> times,
                           v1::ForecastRequest* request) {
  const absl::Time first = absl::FromUnixSeconds(-62135596800);  // the year 1
  const absl::Time end = absl::FromUnixSeconds(253402300800);  // the year 10000
  for (absl::Time time : times) {
    if (time < first || time >= end) {
      return absl::InvalidArgumentError(
          absl::StrCat("times: expected the years 1 to 9999, found ",
                       absl::FormatTime(time, absl::UTCTimeZone())));
    }
    const int64_t seconds = absl::ToUnixSeconds(time);
    auto* timestamp = request->add_timestamps();
    timestamp->set_seconds(seconds);
    timestamp->set_nanos(static_cast<int32_t>(
        absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::ForecastRequest> MakeForecastRequest(
    const SeriesHistory& history, const ForecastOptions& options) {
  v1::ForecastRequest request;
  if (!options.model.empty()) request.mutable_model()->set_name(options.model);
  if (options.version) request.mutable_model()->set_version(*options.version);
  for (const SeriesHistory::Series& series : history.series) {
    RETURN_IF_ERROR(CheckUtf8(series.name, "name of a series"));
    v1::Series* message = request.add_history();
    message->set_name(series.name);
    message->mutable_values()->Add(series.values.begin(), series.values.end());
  }
  RETURN_IF_ERROR(AddTimestamps(history.times, &request));
  if (options.horizon) request.set_horizon(*options.horizon);
  request.mutable_quantiles()->Add(options.quantiles.begin(),
                                   options.quantiles.end());
  return request;
}

}  // namespace carousel
