// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/requests.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/cpp/utf8.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// Unset where nothing is asked for.
template <typename Options, typename Request>
void SetModel(const Options& options, Request* request) {
  if (!options.model.empty()) request->mutable_model()->set_name(options.model);
  if (options.version) request->mutable_model()->set_version(*options.version);
  if (!options.label.empty()) {
    request->mutable_model()->set_label(options.label);
  }
}

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

absl::StatusOr<v1::CompleteRequest> MakeCompleteRequest(
    absl::string_view text, const CompleteOptions& options) {
  RETURN_IF_ERROR(CheckUtf8(text));
  RETURN_IF_ERROR(CheckUtf8(options.context, "context"));
  v1::CompleteRequest request;
  request.set_text(std::string(text));
  request.set_context(options.context);
  SetModel(options, &request);
  if (options.max_suggestions) {
    request.set_max_suggestions(*options.max_suggestions);
  }
  if (options.max_words) request.set_max_words(*options.max_words);
  if (options.min_confidence) {
    request.set_min_confidence(*options.min_confidence);
  }
  return request;
}

absl::StatusOr<v1::ScoreRequest> MakeScoreRequest(absl::string_view text,
                                                  const ScoreOptions& options) {
  RETURN_IF_ERROR(CheckUtf8(text));
  v1::ScoreRequest request;
  request.set_text(std::string(text));
  SetModel(options, &request);
  request.set_contributions(options.contributions);
  request.set_running(options.running);
  return request;
}

absl::StatusOr<v1::ForecastRequest> MakeForecastRequest(
    const SeriesHistory& history, const ForecastOptions& options) {
  v1::ForecastRequest request;
  SetModel(options, &request);
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

absl::StatusOr<v1::TranslateRequest> MakeTranslateRequest(
    absl::string_view text, const TranslateOptions& options) {
  RETURN_IF_ERROR(CheckUtf8(text));
  v1::TranslateRequest request;
  request.set_text(std::string(text));
  SetModel(options, &request);
  if (options.beam_size) request.set_beam_size(*options.beam_size);
  if (options.max_translations) {
    request.set_max_translations(*options.max_translations);
  }
  if (options.length_penalty) {
    request.set_length_penalty(*options.length_penalty);
  }
  if (options.coverage_penalty) {
    request.set_coverage_penalty(*options.coverage_penalty);
  }
  request.set_alignment(options.alignment);
  // Without an end it is none.
  if (options.time_limit && *options.time_limit != absl::InfiniteDuration()) {
    absl::Duration left = *options.time_limit;
    auto* limit = request.mutable_time_limit();
    limit->set_seconds(absl::IDivDuration(left, absl::Seconds(1), &left));
    limit->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(left)));
  }
  return request;
}

v1::GetModelRequest MakeGetModelRequest(const v1::ModelSpec& model) {
  v1::GetModelRequest request;
  *request.mutable_model() = model;
  return request;
}

absl::StatusOr<v1::ExplainRequest> MakeExplainRequest(
    absl::string_view text, const v1::ModelSpec& model) {
  RETURN_IF_ERROR(CheckUtf8(text));
  v1::ExplainRequest request;
  *request.mutable_model() = model;
  request.set_text(std::string(text));
  return request;
}

}  // namespace carousel
